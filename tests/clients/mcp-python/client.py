"""An MCP client that is built on the official SDK, one command a line on standard input."""

import asyncio
import os
import sys
import traceback
from urllib.parse import parse_qs, urlsplit

from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

ISSUER = os.environ["ISSUER"]
MCP_URL = os.environ["MCP_URL"]
CLIENT_ID = os.environ.get("CLIENT_ID")
CLIENT_METADATA_URL = os.environ.get("CLIENT_METADATA_URL")
REDIRECT_URI = os.environ["REDIRECT_URI"]


class Storage:
    """What the SDK asks its app to keep."""

    def __init__(self):
        self.tokens = None
        # An operator registered the client, or else the SDK registers it.
        self.client = CLIENT_ID and OAuthClientInformationFull(
            client_id=CLIENT_ID, redirect_uris=[REDIRECT_URI], token_endpoint_auth_method="none"
        )

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


class App:
    def __init__(self):
        loop = asyncio.get_running_loop()
        self.storage, self.url, self.answer = Storage(), loop.create_future(), loop.create_future()
        self.auth = OAuthClientProvider(
            server_url=MCP_URL,
            client_metadata=OAuthClientMetadata(
                client_name="The Assistant",
                redirect_uris=[REDIRECT_URI],
                token_endpoint_auth_method="none",
            ),
            storage=self.storage,
            redirect_handler=self.redirect,
            callback_handler=self.callback,
            client_metadata_url=CLIENT_METADATA_URL,
        )

    async def redirect(self, url):
        self.url.set_result(url)

    async def callback(self):
        return await self.answer

    async def who(self):
        async with streamablehttp_client(MCP_URL, auth=self.auth) as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                said = await session.call_tool("whoami", {})
                return said.content[0].text

    async def leave(self):
        """Where somebody goes to sign in."""
        self.first = asyncio.create_task(self.who())
        done, _ = await asyncio.wait([self.first, self.url], return_when=asyncio.FIRST_COMPLETED)
        return self.url.result() if self.url in done else self.first.result()

    async def back(self, url):
        """Somebody came back; answers what the tool says."""
        answer = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if answer.get("iss") != ISSUER:
            raise ValueError("another issuer (RFC 9207)")
        self.answer.set_result((answer["code"], answer["state"]))
        return await self.first

    async def again(self):
        """The same with the tokens that are kept."""
        return await self.who()

    async def refresh(self):
        """The access token is over: the SDK refreshes."""
        before = self.storage.tokens.refresh_token
        self.auth.context.token_expiry_time = 1
        said = await self.who()
        if self.storage.tokens.refresh_token == before:
            raise ValueError("the refresh token is the same")
        return said

    async def scope(self):
        return self.storage.tokens.scope

    async def id(self):
        return self.storage.client.client_id


async def main():
    app, loop = App(), asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        name, *rest = line.split()
        if name == "quit":
            return
        try:
            print(f"ok {await getattr(app, name)(*rest)}", flush=True)
        except BaseException as error:  # What goes wrong is told, whatever it is.
            said = "".join(traceback.format_exception(error)).replace("\n", " ")
            print(f"error {said}", flush=True)


asyncio.run(main())
