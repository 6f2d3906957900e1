"""Verifies access tokens of mapae in a Python service. Copy this file; it needs PyJWT alone.

    verifier = Verifier("https://id.example.com", "https://api.example.com")
    claims = verifier.verify(request.headers.get("authorization"))
    verifier.require(claims, scope="orders:read", acr=["2", "phr"], max_age=300)

Both raise a `Refusal`, which says what to answer.
"""

import base64
import json
import re
import threading
import time
import typing
import urllib.error
import urllib.request
import zlib

import jwt

ALGORITHMS = ["RS256", "ES256"]
SKEW = 10  # seconds that two clocks may differ
LONGEST_LIST = 8 << 20


class Refusal(Exception):
    def __init__(self, status, error, description, more=""):
        super().__init__(description)
        self.status = status
        # RFC 6750 section 3: whoever sent no token is told no error.
        challenge = f'Bearer error="{error}", error_description="{description}"{more}'
        self.headers = (
            {"Retry-After": "5"}
            if status == 503
            else {"WWW-Authenticate": challenge if error else "Bearer"}
        )


def invalid(why):
    return Refusal(401, "invalid_token", why)


def unavailable():
    return Refusal(503, None, "the issuer cannot be reached")


class StatusList(typing.NamedTuple):
    bits: int
    packed: bytes
    iat: int
    exp: int
    fresh_until: float

    def joined(self, fetched):
        """This list together with one that was fetched after it and says that it was made
        before it: by a replica whose clock is behind, so that it may know more, or it is an
        old copy, which knows less. What either of them refuses stays refused.
        """
        if self.bits != fetched.bits:
            raise unavailable()
        one, other = (int.from_bytes(it.packed, "little") for it in (self, fetched))
        length = max(len(self.packed), len(fetched.packed))
        packed, exp = (one | other).to_bytes(length, "little"), max(self.exp, fetched.exp)
        return fetched._replace(packed=packed, iat=self.iat, exp=exp)


class Verifier:
    def __init__(self, issuer, audience):
        self.issuer = issuer
        self.audience = audience
        self._keys = None
        self._lists = {}
        self._lock = threading.Lock()

    def verify(self, authorization):
        """The claims of the token in this `Authorization` header."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Refusal(401, None, "there is no token")
        # Python's own decoder overlooks what is no base64url.
        if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token, re.ASCII):
            raise invalid("the token is malformed")
        # An id token tells an app who signed in; it opens no API (RFC 9068 section 4).
        claims = self._signed(
            token,
            "at+jwt",
            issuer=self.issuer,
            audience=self.audience,
            leeway=SKEW,
            options={"require": ["iss", "sub", "aud", "exp"]},
        )
        # A token that is bound to a key (RFC 9449, RFC 8705) is none without the proof, which this
        # file does not verify.
        if claims.get("cnf") is not None:
            raise invalid("the token is bound to a key")
        if claims.get("status") is not None:
            self._is_alive(claims["status"].get("status_list"))
        return claims

    def require(self, claims, scope="", acr=(), max_age=None):
        """Whether the token is enough for this call (RFC 6750 section 3.1, RFC 9470 section 3)."""
        lacks = Refusal(
            403, "insufficient_scope", "another scope is needed", f', scope="{scope}"'
        )
        if not set(scope.split()) <= set(claims.get("scope", "").split(" ")):
            raise lacks
        auth_time = claims.get("auth_time", 0)
        recent = max_age is None or time.time() - auth_time <= max_age + SKEW
        if recent and (not acr or claims.get("acr") in acr):
            return
        # No sign-in would help a client that acts for itself.
        if claims["sub"] == claims.get("client_id"):
            raise lacks
        more = f', acr_values="{" ".join(acr)}"' if acr else ""
        more += f', max_age="{max_age}"' if max_age is not None else ""
        raise Refusal(
            401,
            "insufficient_user_authentication",
            "a stronger or more recent sign-in is needed",
            more,
        )

    def _signed(self, token, typ, **expected):
        try:
            key = self._key_set().get_signing_key_from_jwt(token)
            decoded = jwt.decode_complete(token, key, algorithms=ALGORITHMS, **expected)
        except jwt.PyJWKClientConnectionError as error:
            raise unavailable() from error
        except jwt.PyJWTError as error:
            raise invalid("the token is not good") from error
        header, claims = decoded["header"], decoded["payload"]
        if header.get("typ", "").lower().removeprefix("application/") != typ:
            raise invalid("the token is of another type")
        # PyJWT takes numbers in quotes, and looks over extensions that it does not know.
        if "crit" in header or not isinstance(claims.get("exp"), (int, float)):
            raise invalid("the token is malformed")
        return claims

    def _key_set(self):
        # Keys are cached. A token with an unknown key id makes the client look again, so a rotation
        # needs nobody's hand; the cool-down keeps forged key ids from turning into a flood.
        if self._keys is None:
            url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
            metadata = json.loads(fetch(url))
            if metadata["issuer"] != self.issuer:
                raise unavailable()
            self._keys = jwt.PyJWKClient(
                metadata["jwks_uri"], lifespan=3600, cooldown_duration=5, timeout=5
            )
        return self._keys

    def _is_alive(self, reference):
        """Token Status List section 8.3: only 0 is valid."""
        if reference is None:
            raise invalid("the status of the token is not known")
        index, known = reference["idx"], self._list(reference["uri"])
        bits, packed = known.bits, known.packed
        per_byte = 8 // bits
        if not 0 <= index < len(packed) * per_byte:
            raise invalid("the status of the token is not known")
        if packed[index // per_byte] >> (index % per_byte * bits) & (2**bits - 1):
            raise invalid("the token was revoked")

    def _list(self, uri):
        with self._lock:
            known = self._lists.get(uri)
            if known is None or known.fresh_until <= time.monotonic():
                try:
                    known = self._lists[uri] = self._fetched(uri, known)
                except Refusal as refusal:
                    # A list that cannot be had again is used until it expires.
                    is_usable = known is not None and known.exp > time.time()
                    if refusal.status != 503 or not is_usable:
                        raise
            return known

    def _fetched(self, uri, known):
        # What is revoked after this moment may be missing in the answer, however long it takes.
        asked = time.monotonic()
        claims = self._signed_list(uri)
        bits, lst = claims["status_list"]["bits"], claims["status_list"]["lst"]
        packed = base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4))
        packed = zlib.decompressobj().decompress(packed, LONGEST_LIST)
        iat, exp, fresh_until = claims["iat"], claims["exp"], asked + claims.get("ttl", 60)
        fetched = StatusList(bits, packed, iat, exp, fresh_until)
        return known.joined(fetched) if known and known.iat > iat else fetched

    def _signed_list(self, uri):
        # The clock of the replica that made it may be ahead of this one.
        options = {"require": ["sub", "iat", "exp"], "verify_iat": False}
        text = fetch(uri)
        try:
            return self._signed(text, "statuslist+jwt", subject=uri, options=options)
        except Refusal as refusal:
            # Its key may be so new that it is not known yet: that says nothing of the token.
            raise unavailable() from refusal


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read(LONGEST_LIST).decode()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise invalid("the status of the token is not known") from error
        raise unavailable() from error
    except (OSError, ValueError) as error:
        raise unavailable() from error
