#!/usr/bin/env python3
"""Registers the clients of the OpenID Foundation's conformance suite at a mapae, and writes the
configuration of each plan. It needs Python 3.9 and openssl, and nothing else.

    tests/conformance/configure.py --issuer https://id.example.com --username alice \\
        --password-file password.txt --out plans

The files hold private keys and the password of the test account: use an installation that was made
for this. README.md says how the suite is run with them.
"""

import argparse
import base64
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

SCOPE = "openid profile email"
# What the plans of OpenID Connect ask for, one by one and together.
EVERY_SCOPE = "openid profile email address phone offline_access"
DUMMY = "?dummy1=lorem&dummy2=ipsum"
COMMON = "[fapi_profile=plain_fapi][openid=openid_connect]"
SIGNED = "[fapi_request_method=signed_non_repudiation][fapi_response_mode=jarm]"
SECURITY = "fapi2-security-profile-final"
MESSAGES = "fapi2-message-signing-final"
DISCOVERY = "[server_metadata=discovery][client_registration=static_client]"
CODE = "[response_type=code][client_registration=static_client]"
LOGOUT = "oidcc-rp-initiated-logout"

# The clients that have secrets, by their member of the configuration: how the id ends, and how it
# authenticates.
BY_SECRET = {
    "client": ("1", "client_secret_basic"),
    "client2": ("2", "client_secret_basic"),
    "client_secret_post": ("post", "client_secret_post"),
}

# The word of a plan, its name and variants, and how its clients are registered.
PLANS = {
    "basic": {
        "plan": f"oidcc-basic-certification-test-plan{DISCOVERY}",
        "secrets": list(BY_SECRET),
    },
    "formpost": {
        "plan": f"oidcc-formpost-basic-certification-test-plan{DISCOVERY}",
        "secrets": list(BY_SECRET),
    },
    # It has no variants to choose from.
    "config": {"plan": "oidcc-config-certification-test-plan"},
    "rp-logout": {"plan": f"{LOGOUT}-certification-test-plan{CODE}", "secrets": ["client"]},
    "backchannel-logout": {
        "plan": f"oidcc-backchannel-rp-initiated-logout-certification-test-plan{CODE}",
        "secrets": ["client"],
    },
    "sp-dpop": {
        "plan": f"{SECURITY}-test-plan[client_auth_type=private_key_jwt][sender_constrain=dpop]{COMMON}",
        "flags": [],
    },
    "sp-mtls": {
        "plan": f"{SECURITY}-test-plan[client_auth_type=mtls][sender_constrain=mtls]{COMMON}",
        "flags": [
            "--auth-method", "self_signed_tls_client_auth",
            "--tls-client-certificate-bound-access-tokens", "true",
            "--dpop-bound-access-tokens", "false",
        ],
    },
    "ms": {
        "plan": f"{MESSAGES}-test-plan[client_auth_type=private_key_jwt][sender_constrain=dpop]{COMMON}{SIGNED}",
        "flags": ["--require-signed-request-object", "--request-object-signing-alg", "ES256"],
    },
    "dynamic": {"plan": "oidcc-dynamic-certification-test-plan[response_type=code]"},
}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def hexadecimal(text, label):
    """The bytes below a label in what `openssl pkey -text` prints."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(label))
    digits = []
    for line in lines[start + 1 :]:
        if not line.startswith(" "):
            break
        digits.append(line.strip().replace(":", ""))
    return bytes.fromhex("".join(digits))


def new_key(folder, name):
    """A key on P-256: the private JWK, the public one, and the file of the key."""
    path = folder / f"{name}.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(path))
    text = openssl("pkey", "-in", str(path), "-noout", "-text").decode()
    secret = hexadecimal(text, "priv:")[-32:].rjust(32, b"\0")
    point = hexadecimal(text, "pub:")[-64:]
    public = {
        "kty": "EC",
        "crv": "P-256",
        "kid": name,
        "use": "sig",
        "alg": "ES256",
        "x": base64url(point[:32]),
        "y": base64url(point[32:]),
    }
    return {**public, "d": base64url(secret)}, public, path


def new_certificate(folder, name, key):
    """A certificate that nobody but its owner signed."""
    path = folder / f"{name}.crt"
    openssl(
        "req", "-x509", "-new", "-key", str(key), "-subj", f"/CN={name}", "-days", "365",
        "-out", str(path),
    )
    return path


class Installation:
    def __init__(self, command):
        self.command = shlex.split(command)

    def run(self, *arguments):
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(arguments[:4])}: {done.stderr.strip() or done.stdout.strip()}")
        return json.loads(done.stdout)

    def register(self, client_id, redirect_uris, scope, flags):
        """Registers a client, or changes the one of an earlier run; what the command says of it."""
        known = {one["client_id"] for one in self.run("client", "list", "--json")["clients"]}
        verb = ["update"] if client_id in known else ["create", "--kind", "confidential"]
        uris = [word for uri in redirect_uris for word in ("--redirect-uri", uri)]
        return self.run(
            "client", *verb, "--id", client_id, "--name", client_id,
            "--grant", "authorization_code", "--grant", "refresh_token", "--scope", scope,
            *uris, *flags, "--json",
        )

    def secret(self, client_id, redirect_uris, flags):
        """Registers a client with a new secret, and returns that."""
        made = self.register(client_id, redirect_uris, EVERY_SCOPE, flags)
        if "client_secret" not in made:
            # The secret of an earlier run was shown to that one alone.
            made = self.run("client", "rotate-secret", "--id", client_id, "--json")
        return made["client_secret"]


def picture(element):
    """A picture of a page that has this element. Where the suite expects none, nothing is taken."""
    return ["wait", "id", element, 10, ".*", "update-image-placeholder-optional"]


def signing_in(issuer, account, *before):
    """The pages of a sign-in: the ids of the fields do not change."""
    username, password = account
    # Who signs in again finds the own name there, in a field that takes no other one.
    field = "//input[@id='username' and not(@readonly)]"
    return [
        {
            "task": "Sign in",
            "optional": True,
            "match": f"{issuer}/login*",
            "commands": [
                *before,
                ["text", "xpath", field, username, "optional"],
                ["text", "id", "password", password],
                ["click", "id", "login-submit"],
            ],
        },
        {
            "task": "Allow",
            "optional": True,
            "match": f"{issuer}/consent*",
            "commands": [["click", "id", "consent-allow"]],
        },
    ]


def onward(issuer, address):
    """A page of ours leads to the suite by itself, or posts a form to it."""
    return {
        "task": "Onward",
        "optional": True,
        "match": f"{issuer}/*",
        "commands": [["wait", "contains", address, 10]],
    }


def going_back(issuer, callback):
    """What follows the pages: the suite has its answer."""
    complete = ["wait", "id", "submission_complete", 10]
    return [onward(issuer, callback), {"task": "Back", "match": f"{callback}*", "commands": [complete]}]


def authorizing(issuer, account, callback, *before):
    """How the suite goes through the pages. `before` is done on the sign-in page first."""
    tasks = [*signing_in(issuer, account, *before), *going_back(issuer, callback)]
    return {"match": f"{issuer}/authorize*", "tasks": tasks}


def refused_request(issuer):
    """An authorization request of which nobody is told but the person."""
    task = {"task": "Refused", "match": f"{issuer}/authorize*", "commands": [picture("error-code")]}
    return {"match": f"{issuer}/authorize*", "tasks": [task]}


def overrides(issuer, account, callback):
    """The modules of FAPI 2.0 in which the browser does something else. Both plans name them alike."""
    authorize = f"{issuer}/authorize*"
    refused = {"browser": [refused_request(issuer)]}
    cancel = {"task": "Cancel", "match": f"{issuer}/login*", "commands": [["click", "id", "login-cancel"]]}
    look = {"task": "Look", "match": f"{issuer}/login*"}
    found = {
        "user-rejects-authentication": {
            "browser": [{"match": authorize, "tasks": [cancel, *going_back(issuer, callback)]}]
        },
        "par-attempt-to-use-expired-request_uri": refused,
        "par-attempt-to-use-request_uri-for-different-client": refused,
        # It has its answer before it sends the person again.
        "par-attempt-reuse-request_uri": {
            "browser": [
                {**authorizing(issuer, account, callback), "match-limit": 1},
                refused_request(issuer),
            ]
        },
        # Nobody signs in before the second time.
        "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": {
            "browser": [
                {"match": authorize, "match-limit": 1, "tasks": [look]},
                authorizing(issuer, account, callback, picture("login-submit")),
            ]
        },
    }
    return {f"{SECURITY}-{name}": module for name, module in found.items()}


def overrides_of_connect(issuer, account, callback):
    """The same of OpenID Connect. The second sign-in of two modules has to be seen."""
    seen = {"browser": [authorizing(issuer, account, callback, picture("login-submit"))]}
    return {
        "oidcc-prompt-login": seen,
        "oidcc-max-age-1": seen,
        "oidcc-ensure-registered-redirect-uri": {"browser": [refused_request(issuer)]},
    }


def at_logout(issuer, *tasks):
    """What happens where the suite sends a person to sign out."""
    confirm = {
        "task": "Confirm",
        "optional": True,
        "match": f"{issuer}/logout/confirm*",
        "commands": [["click", "id", "logout-confirm"]],
    }
    return {"match": f"{issuer}/logout*", "tasks": [confirm, *tasks]}


def signing_out(issuer, back):
    """A sign-out that ends at the suite."""
    return at_logout(issuer, onward(issuer, back), {"task": "Signed out", "match": f"{back}*"})


def overrides_of_logout(issuer, sign_in):
    """The modules in which a sign-out ends on a page of ours."""
    page = f"{issuer}/logout*"
    refused = {"task": "Refused", "match": page, "commands": [picture("error-code")]}
    signed_out = {"task": "Signed out", "match": page, "commands": [picture("signed-out-again")]}
    ends = {
        "bad-post-logout-redirect-uri": refused,
        "query-added-to-post-logout-redirect-uri": refused,
        "modified-id-token-hint": refused,
        "bad-id-token-hint": refused,
        "no-id-token-hint": refused,
        "no-params": signed_out,
        "only-state": signed_out,
        "no-post-logout-redirect-uri": signed_out,
    }
    return {f"{LOGOUT}-{name}": {"browser": [sign_in, at_logout(issuer, end)]} for name, end in ends.items()}


def with_secrets(installation, word, alias, base):
    """Registers the clients of a plan that have secrets, and returns what is written of them."""
    # The suite sends a nonce or a challenge in some modules, and neither in others.
    flags = ["--require-pkce", "false"]
    if word in ("rp-logout", "backchannel-logout"):
        flags += ["--post-logout-redirect-uri", f"{base}/post_logout_redirect"]
    if word == "backchannel-logout":
        flags += ["--backchannel-logout-uri", f"{base}/backchannel_logout"]
    found = {}
    for member in PLANS[word]["secrets"]:
        end, method = BY_SECRET[member]
        client_id = f"{alias}-{end}"
        own = ["--auth-method", method, *flags]
        secret = installation.secret(client_id, [f"{base}/callback"], own)
        found[member] = {"client_id": client_id, "client_secret": secret}
    return found


def endpoint(issuer, mtls_issuer, is_mtls):
    """Where the suite uses its access tokens: userinfo, at the listener that asks for certificates."""
    return f"{mtls_issuer if is_mtls else issuer}/userinfo"


def with_keys(installation, word, alias, base, folder):
    """Registers the clients of a plan that have keys, and returns what is written of them."""
    callback = f"{base}/callback"
    is_mtls = word == "sp-mtls"
    found = {}
    for number in ("", "2"):
        client_id = f"{alias}-{number or '1'}"
        private, public, key = new_key(folder, client_id)
        if is_mtls:
            certificate = new_certificate(folder, client_id, key)
            lines = certificate.read_text().strip().splitlines()
            public = {**public, "x5c": ["".join(lines[1:-1])]}
            found[f"mtls{number}"] = {"cert": certificate.read_text(), "key": key.read_text()}
        jwks = folder / f"{client_id}.json"
        jwks.write_text(json.dumps({"keys": [public]}))
        flags = ["--profile", "fapi2", "--jwks", str(jwks), *PLANS[word]["flags"]]
        # Either client is used with either address.
        installation.register(client_id, [callback, callback + DUMMY], SCOPE, flags)
        found[f"client{number}"] = {
            "client_id": client_id,
            "scope": SCOPE,
            "jwks": {"keys": [private]},
        }
        if not is_mtls:
            found[f"client{number}"]["dpop_signing_alg"] = "ES256"
    return found


def configuration(arguments, word, folder):
    alias = f"{arguments.alias}-{word}"
    issuer = arguments.issuer.rstrip("/")
    base = f"{arguments.suite.rstrip('/')}/test/a/{alias}"
    callback = f"{base}/callback"
    account = (arguments.username, arguments.password)
    written = {
        "alias": alias,
        "description": f"mapae at {issuer}: {word}",
        "server": {"discoveryUrl": f"{issuer}/.well-known/openid-configuration"},
    }
    if word == "config":
        return written
    sign_in = authorizing(issuer, account, callback)
    written["browser"] = [sign_in]
    if word == "dynamic":
        written["client"] = {"client_name": alias}
        if arguments.initial_access_token:
            written["client"]["initial_access_token"] = arguments.initial_access_token
        return written
    installation = Installation(arguments.mapae)
    if "secrets" not in PLANS[word]:
        written.update(with_keys(installation, word, alias, base, folder))
        resource = endpoint(issuer, (arguments.mtls_url or issuer).rstrip("/"), word == "sp-mtls")
        written["resource"] = {"resourceUrl": resource, "resourceMethod": "GET"}
        written["override"] = overrides(issuer, account, callback)
        return written
    written.update(with_secrets(installation, word, alias, base))
    if word in ("basic", "formpost"):
        written["override"] = overrides_of_connect(issuer, account, callback)
        return written
    written["browser"].append(signing_out(issuer, f"{base}/post_logout_redirect"))
    if word == "rp-logout":
        written["override"] = overrides_of_logout(issuer, sign_in)
    return written


def main():
    read = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    read.add_argument("--issuer", required=True, help="the issuer of the running mapae")
    read.add_argument("--mapae", default="mapae", help="the command of its installation, with its flags")
    read.add_argument("--suite", default="https://localhost.emobix.co.uk:8443", help="where the suite is")
    read.add_argument("--alias", default="mapae", help="the first part of the aliases and client ids")
    read.add_argument("--mtls-url", help="where mapae asks for certificates, for sp-mtls")
    read.add_argument("--initial-access-token", help="for dynamic, where registration needs one")
    read.add_argument("--username", required=True, help="the test account")
    read.add_argument("--password-file", type=pathlib.Path, required=True)
    read.add_argument("--out", type=pathlib.Path, required=True, help="the folder for the files")
    read.add_argument("plans", nargs="*", help=f"which of {', '.join(PLANS)}; sp-dpop and ms by default")
    arguments = read.parse_args()
    arguments.password = arguments.password_file.read_text().strip()
    plans = arguments.plans or ["sp-dpop", "ms"]
    for word in plans:
        if word not in PLANS:
            read.error(f"{word} is none of {', '.join(PLANS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    commands = []
    for word in plans:
        with tempfile.TemporaryDirectory() as folder:
            written = configuration(arguments, word, pathlib.Path(folder))
        path = arguments.out / f"{word}.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        # A file of an earlier run keeps the mode that it has.
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(written, file, indent=2)
        commands.append(f"{PLANS[word]['plan']} {path}")
    (arguments.out / "plans.txt").write_text("\n".join(commands) + "\n")
    print("\n".join(commands))


if __name__ == "__main__":
    main()
