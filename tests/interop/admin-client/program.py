"""Lists people page by page, and makes a group, with a client that was generated."""

import os

from generated import AuthenticatedClient
from generated.api.groups import groups_create
from generated.api.users import users_list, users_show
from generated.models import NewGroup, Problem
from generated.types import UNSET

client = AuthenticatedClient(base_url=os.environ["BASE"], token=os.environ["TOKEN"])

names, after = [], UNSET
while True:
    page = users_list.sync(client=client, limit=2, after=after)
    names += [person.username for person in page.items]
    if page.next_ is UNSET:
        break
    after = page.next_
print("people:", *names)

group = groups_create.sync(client=client, body=NewGroup(name="staff"))
print("group:", group.name)

refused = users_show.sync(client=client, id="nobody")
assert isinstance(refused, Problem), refused
print("refused:", refused.status, refused.reason)
