"""An app and an API in one: gets tokens and verifies them, one command a line on standard input."""

import os
import sys
from urllib.parse import quote_plus

import jwt
import requests

from verify import ALGORITHMS, Verifier, discover

ISSUER = os.environ["ISSUER"]
CLIENT_ID = os.environ["CLIENT_ID"]
CLIENT_SECRET = os.environ["CLIENT_SECRET"]
SCOPE = os.environ.get("SCOPE")


class Program:
    def __init__(self):
        self.metadata = discover(ISSUER)
        self.verifier = Verifier(ISSUER, os.environ["AUDIENCE"], self.metadata["jwks_uri"])

    def token(self):
        """Tokens for ourselves and for a person, both verified; answers the key that signed."""
        machine = self.grant("client_credentials", scope=SCOPE)
        person = self.grant(
            "password",
            username=os.environ["USERNAME"],
            password=os.environ["PASSWORD"],
            scope="openid",
        )
        self.verifier.verify(machine["access_token"])
        claims = self.verifier.verify(person["access_token"])
        if self.who_signed_in(person["id_token"]) != claims["sub"]:
            raise ValueError("the id_token is about somebody else")
        return jwt.get_unverified_header(person["access_token"])["kid"]

    def verify(self, token):
        return self.verifier.verify(token)["sub"]

    def grant(self, grant_type, **form):
        response = requests.post(
            self.metadata["token_endpoint"],
            # RFC 6749 section 2.3.1: each half is form-encoded before the two are joined.
            auth=(quote_plus(CLIENT_ID), quote_plus(CLIENT_SECRET)),
            data={"grant_type": grant_type, **form},
            timeout=10,
        )
        if not response.ok:
            raise ValueError(f"{grant_type}: {response.status_code} {response.text}")
        return response.json()

    def who_signed_in(self, id_token):
        """An id_token is made for the app itself: its audience is our client id."""
        return jwt.decode(
            id_token,
            self.verifier.keys.get_signing_key_from_jwt(id_token),
            algorithms=ALGORITHMS,
            issuer=ISSUER,
            audience=CLIENT_ID,
            leeway=10,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )["sub"]


def answer(program, command, argument):
    try:
        if command == "token":
            return f"ok {program.token()}"
        if command == "verify":
            return f"ok {program.verify(argument)}"
        return f"error unknown command {command}"
    except jwt.PyJWKClientConnectionError as unreachable:
        return f"error {unreachable}"
    except jwt.PyJWTError as untrusted:
        return f"refused {untrusted}"
    except Exception as unexpected:
        return f"error {type(unexpected).__name__}: {unexpected}"


def say(line):
    print(" ".join(line.split()), flush=True)


def main():
    try:
        program = Program()
    except Exception as unexpected:
        say(f"error {type(unexpected).__name__}: {unexpected}")
        return 1
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "quit":
            break
        say(answer(program, command, argument))
    return 0


if __name__ == "__main__":
    sys.exit(main())
