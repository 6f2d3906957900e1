"""An app that signs people in with Authlib, one command a line on standard input."""

import os
import sys
from urllib.parse import parse_qsl, urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ISSUER = os.environ["ISSUER"]
CLIENT_ID = os.environ["CLIENT_ID"]


class App:
    def __init__(self):
        self.metadata = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
        self.client = OAuth2Session(
            CLIENT_ID,
            os.environ["CLIENT_SECRET"],
            scope="openid profile email",
            redirect_uri=os.environ["REDIRECT_URI"],
            code_challenge_method="S256",
        )

    def leave(self, response_mode):
        """Where somebody goes to sign in."""
        self.verifier, self.nonce = generate_token(48), generate_token(24)
        more = {"response_mode": response_mode} if response_mode else {}
        url, self.state = self.client.create_authorization_url(
            self.metadata["authorization_endpoint"],
            code_verifier=self.verifier,
            nonce=self.nonce,
            **more,
        )
        return url

    def back(self, url):
        """Somebody came back; answers who it is."""
        answer = dict(parse_qsl(urlsplit(url).query))
        if answer.get("iss") != ISSUER:
            raise ValueError("the answer comes from another issuer (RFC 9207)")
        if "error" in answer:
            raise AuthlibBaseError(answer["error"], answer.get("error_description"))
        tokens = self.client.fetch_token(
            self.metadata["token_endpoint"],
            authorization_response=url,
            state=self.state,
            code_verifier=self.verifier,
        )
        self.id_token = tokens["id_token"]
        self.check(tokens)
        return self.person()

    def check(self, tokens):
        """Signature, issuer, audience, time, nonce, and the hash of the access token."""
        keys = requests.get(self.metadata["jwks_uri"], timeout=10).json()
        token = jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), algorithms=["RS256"])
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={"iss": {"value": ISSUER}, "aud": {"value": CLIENT_ID}},
            params={
                "nonce": self.nonce,
                "client_id": CLIENT_ID,
                "access_token": tokens["access_token"],
            },
        )
        claims.validate(leeway=10)
        self.sub = claims["sub"]

    def person(self):
        info = self.client.get(self.metadata["userinfo_endpoint"]).json()
        if info["sub"] != self.sub:
            raise ValueError("userinfo is about somebody else")
        return info["preferred_username"]

    def refresh(self, _):
        before = self.client.token["access_token"]
        self.client.refresh_token(self.metadata["token_endpoint"])
        if self.client.token["access_token"] == before:
            raise ValueError("the same access token")
        return self.person()

    def out(self, _):
        """Where somebody goes to sign out."""
        query = {
            "id_token_hint": self.id_token,
            "post_logout_redirect_uri": os.environ["POST_LOGOUT_REDIRECT_URI"],
            "state": "bye",
        }
        url = self.metadata["end_session_endpoint"]
        return requests.Request("GET", url, params=query).prepare().url


def answer(app, command, argument):
    if command not in ("leave", "back", "refresh", "out"):
        return f"error unknown command {command}"
    try:
        return f"ok {getattr(app, command)(argument)}"
    except AuthlibBaseError as refused:
        return f"refused {refused.error} {refused.description}"
    except (JoseError, ValueError) as untrusted:
        return f"refused {type(untrusted).__name__} {untrusted}"


def main():
    app = App()
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "quit":
            break
        print(" ".join(answer(app, command, argument).split()), flush=True)


if __name__ == "__main__":
    main()
