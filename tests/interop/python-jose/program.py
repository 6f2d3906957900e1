"""An API that hands python-jose the whole JWKS, as its own examples do, one command a line on
standard input. It tries one key after another and gives up at the first key of another type."""

import os
import sys

import requests
from jose import jwt
from jose.exceptions import JOSEError

ISSUER = os.environ["ISSUER"]


def verify(token):
    metadata = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
    keys = requests.get(metadata["jwks_uri"], timeout=10).json()
    claims = jwt.decode(
        token, keys, algorithms=["RS256"], audience=os.environ["AUDIENCE"], issuer=ISSUER
    )
    return claims["sub"]


def answer(command, argument):
    if command != "verify":
        return f"error unknown command {command}"
    try:
        return f"ok {verify(argument)}"
    except JOSEError as untrusted:
        return f"refused {type(untrusted).__name__} {untrusted}"


def main():
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "quit":
            break
        print(" ".join(answer(command, argument).split()), flush=True)


if __name__ == "__main__":
    main()
