"""Runs the checks of scim2-tester: `check.py BASE_URL TOKEN`. What fails is printed."""

import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

_, base_url, token = sys.argv
client = SyncSCIMClient(
    Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"})
)
results = check_server(client)
passed = [one for one in results if one.status == Status.SUCCESS]
others = [one for one in results if one.status not in (Status.SUCCESS, Status.SKIPPED)]
for one in others:
    print(f"{one.status.name} {one.title}: {one.reason}")
print(f"{len(passed)} of {len(results)} checks passed")
sys.exit(1 if others or len(passed) < 40 else 0)
