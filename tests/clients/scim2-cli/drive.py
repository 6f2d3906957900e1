"""Provisions people and groups with scim2-cli: `drive.py BASE_URL TOKEN`. What differs is printed."""

import json
import os
import subprocess
import sys
from pathlib import Path

_, base_url, token = sys.argv
# The token is no argument: other users of the machine could read it.
environment = os.environ | {
    "SCIM_CLI_URL": base_url,
    "SCIM_CLI_HEADERS": f"Authorization: Bearer {token}",
}
program = str(Path(sys.executable).with_name("scim2"))


def scim(*arguments, sent=None):
    """What a command prints, and whether it succeeded."""
    sent = None if sent is None else json.dumps(sent)
    ran = subprocess.run(
        [program, *arguments], env=environment, input=sent, capture_output=True, text=True,
        stdin=subprocess.DEVNULL if sent is None else None,
    )
    return ran.returncode == 0, ran.stdout + ran.stderr


def answer(*arguments, sent=None):
    """The JSON that a command prints, which has to succeed."""
    is_good, text = scim(*arguments, sent=sent)
    if not is_good:
        sys.exit(f"{arguments}: {text}")
    return json.loads(text) if text.strip() else None


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r}, not {wanted!r}")


mina = answer(
    "create", "user", "--user-name", "mina", "--external-id", "e-1",
    "--emails", '[{"value": "mina@example.com", "type": "work", "primary": true}]',
)
expect("the name", mina["userName"], "mina")
noa = answer("create", "user", sent={
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "noa", "active": True,
})
expect("shown", answer("query", "user", mina["id"])["externalId"], "e-1")
listed = answer("query", "user", "--filter", 'emails.value eq "mina@example.com"')
expect("found", [one["id"] for one in listed["Resources"]], [mina["id"]])
answer("modify", "user", mina["id"], "replace", "active", "false")
expect("disabled", answer("query", "user", mina["id"])["active"], False)
whole = answer("query", "user", noa["id"])
whole["displayName"] = "Noa"
expect("replaced", answer("replace", "user", sent=whole)["displayName"], "Noa")
team = answer(
    "create", "group", "--display-name", "Team", "--members", json.dumps([{"value": noa["id"]}])
)
answer("modify", "group", team["id"], "add", "members", json.dumps([{"value": mina["id"]}]))
members = {one["value"] for one in answer("query", "group", team["id"])["members"]}
expect("members", members, {mina["id"], noa["id"]})
is_good, text = scim("create", "user", "--user-name", "mina")
expect("taken", (is_good, "409" in text or "uniqueness" in text), (False, True))
answer("delete", "group", team["id"])
answer("delete", "user", mina["id"])
expect("left", [one["id"] for one in answer("query", "user")["Resources"]], [noa["id"]])
print("scim2-cli did everything")
