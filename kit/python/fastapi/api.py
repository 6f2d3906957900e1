"""An API on FastAPI that tells whoever has a good token who they are."""

import os
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response

from verify import Refusal, Verifier

verifier = Verifier(os.environ["ISSUER"], os.environ["AUDIENCE"])
app = FastAPI()


# FastAPI runs what is no coroutine in a thread, so fetching keys stops nobody else.
def token(request: Request):
    claims = verifier.verify(request.headers.get("authorization"))
    verifier.require(claims, scope=os.environ.get("SCOPE", ""))
    return claims


@app.exception_handler(Refusal)
def refused(_, refusal: Refusal):
    return Response(status_code=refusal.status, headers=refusal.headers)


@app.get("/")
def me(claims: Annotated[dict, Depends(token)]):
    return {"sub": claims["sub"]}


if __name__ == "__main__":
    host, port = os.environ.get("LISTEN", "127.0.0.1:9000").split(":")
    uvicorn.run(app, host=host, port=int(port), log_level="warning")
