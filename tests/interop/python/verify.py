"""Verify access tokens in a Python service that knows nothing but the issuer's URL.

    verifier = Verifier.discover("https://id.example.com", audience="https://api.example.com")
    claims = verifier.verify(token)
"""

import jwt
import requests

ALGORITHMS = ["RS256", "ES256"]


class Verifier:
    def __init__(self, issuer, audience, jwks_uri):
        self.issuer = issuer
        self.audience = audience
        # Keys are cached. A token with an unknown key id makes the client look again, so a rotation
        # needs nobody's hand; the cool-down keeps forged key ids from turning into a flood.
        self.keys = jwt.PyJWKClient(jwks_uri, cooldown_duration=1, timeout=5)

    @classmethod
    def discover(cls, issuer, audience):
        metadata = discover(issuer)
        return cls(issuer, audience, metadata["jwks_uri"])

    def verify(self, token):
        """The claims of an access token made for us, or an exception: `jwt.PyJWTError`.

        `jwt.PyJWKClientConnectionError` among these means that the issuer could not be asked for
        its keys (answer 503); every other one that the token is not to be trusted (answer 401).
        """
        decoded = jwt.decode_complete(
            token,
            self.keys.get_signing_key_from_jwt(token),
            algorithms=ALGORITHMS,
            issuer=self.issuer,
            audience=self.audience,
            leeway=10,  # seconds that two clocks may differ
            options={"require": ["iss", "sub", "aud", "exp"]},
        )
        # An id_token tells an app who signed in; it opens no API (RFC 9068 section 4).
        if decoded["header"].get("typ", "").lower().removeprefix("application/") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        return decoded["payload"]


def discover(issuer):
    """The issuer's own description of itself (OpenID Connect Discovery section 4)."""
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"
    response = requests.get(url, timeout=5)
    response.raise_for_status()
    metadata = response.json()
    if metadata["issuer"] != issuer:
        raise ValueError(f"{url} speaks for {metadata['issuer']}")
    return metadata
