"""An MCP server on the Python SDK, which is its own authorization server.

The routes, the clients' authentication, the challenges and the MCP endpoint are the SDK's. Ours is what
the SDK leaves to whoever uses it: a store of clients, codes and tokens, here in memory, and a consent,
which is given at once. Works with version 1 and version 2 of the SDK.

    server.py [--no-default-scopes] [--client ID SECRET REDIRECT_URI] [--lifetime SECONDS] [--port PORT]
              [--sessions] [--streams]

It says on standard output where it listens, and ends when its standard input does.
"""

import argparse
import asyncio
import os
import secrets
import socket
import sys
import threading
import time
from importlib.metadata import version

import uvicorn
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from starlette.responses import JSONResponse

SCOPE = "user"


class InMemory:
    """What the SDK calls an `OAuthAuthorizationServerProvider`."""

    def __init__(self, lifetime):
        self.lifetime = lifetime
        self.clients = {}
        self.codes = {}
        self.access = {}
        self.refresh = {}

    def set_up(self, client_id, client_secret, redirect_uri):
        self.clients[client_id] = OAuthClientInformationFull(
            client_id=client_id,
            client_secret=client_secret,
            redirect_uris=[redirect_uri],
            token_endpoint_auth_method="client_secret_post",
            scope=SCOPE,
        )

    async def get_client(self, client_id):
        return self.clients.get(client_id)

    async def register_client(self, client_info):
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client, params):
        code = AuthorizationCode(
            code=secrets.token_urlsafe(32),
            client_id=client.client_id,
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(str(params.redirect_uri), code=code.code, state=params.state)

    async def load_authorization_code(self, client, authorization_code):
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(self, client, authorization_code):
        del self.codes[authorization_code.code]
        return self.issue(client, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(self, client, refresh_token):
        return self.refresh.get(refresh_token)

    async def exchange_refresh_token(self, client, refresh_token, scopes):
        del self.refresh[refresh_token.token]
        return self.issue(client, scopes or refresh_token.scopes, refresh_token.resource)

    async def load_access_token(self, token):
        return self.access.get(token)

    async def revoke_token(self, token):
        self.access.pop(token.token, None)
        self.refresh.pop(token.token, None)

    def issue(self, client, scopes, resource):
        about = {"client_id": client.client_id, "scopes": scopes, "resource": resource}
        expires_at = int(time.time()) + self.lifetime
        access = AccessToken(token=secrets.token_urlsafe(32), expires_at=expires_at, **about)
        refresh = RefreshToken(token=secrets.token_urlsafe(32), **about)
        self.access[access.token] = access
        self.refresh[refresh.token] = refresh
        return OAuthToken(
            access_token=access.token,
            expires_in=self.lifetime,
            refresh_token=refresh.token,
            scope=" ".join(scopes),
        )


class Record:
    """Writes down each request with its status, and gives the list to whoever asks for `/requests`."""

    def __init__(self, app):
        self.app = app
        self.requests = []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if scope["path"] == "/requests":
            answer = JSONResponse(self.requests)
            self.requests = []
            return await answer(scope, receive, send)

        async def noted(message):
            if message["type"] == "http.response.start":
                path = f"{scope['method']} {scope['path']} {message['status']}"
                self.requests.append(path)
            await send(message)

        await self.app(scope, receive, noted)


def application(origin, provider, default_scopes, sessions, streams):
    scopes = [SCOPE] if default_scopes else None
    auth = AuthSettings(
        issuer_url=origin,
        resource_server_url=f"{origin}/mcp",
        required_scopes=[SCOPE],
        validate_token_resource=True,
        client_registration_options=ClientRegistrationOptions(
            enabled=True, valid_scopes=scopes, default_scopes=scopes
        ),
        revocation_options=RevocationOptions(enabled=True),
    )
    common = {"auth_server_provider": provider, "auth": auth, "log_level": "WARNING"}
    http = {"stateless_http": not sessions, "json_response": not streams}
    if version("mcp").startswith("1."):
        from mcp.server.fastmcp import FastMCP

        server = FastMCP("judge", **http, **common)
        app = server.streamable_http_app
    else:
        from mcp.server.mcpserver import MCPServer

        server = MCPServer("judge", **common)
        app = lambda: server.streamable_http_app(**http)  # noqa: E731

    @server.tool()
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    if streams:
        add_what_talks_back(server)
    return app()


def add_what_talks_back(server):
    """What only streams can carry: progress, questions to the host, and a call that is cancelled."""
    from mcp.server.fastmcp import Context
    from mcp.types import SamplingMessage, TextContent
    from pydantic import BaseModel

    class Answer(BaseModel):
        name: str

    cancelled = []

    @server.tool()
    async def count(to: int, ctx: Context) -> int:
        """Counts, and says how far it is."""
        for at in range(1, to + 1):
            await ctx.report_progress(at, to)
            # Some clients forget what comes with the answer.
            await asyncio.sleep(0.05)
        return to

    @server.tool()
    async def ask(ctx: Context) -> str:
        """Asks the user, and then the model."""
        answer = await ctx.elicit(message="What are you called?", schema=Answer)
        message = SamplingMessage(role="user", content=TextContent(type="text", text=answer.data.name))
        said = await ctx.session.create_message(messages=[message], max_tokens=10)
        return said.content.text

    @server.tool()
    async def wait() -> str:
        """Waits for longer than anybody does."""
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return "waited"

    @server.tool()
    def how_many_were_cancelled() -> int:
        """Of the calls that wait."""
        return len(cancelled)

    @server.resource("note://{name}")
    def note(name: str) -> str:
        """A note."""
        return f"the note {name}"


def end_with_standard_input():
    sys.stdin.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-default-scopes", action="store_true")
    parser.add_argument("--client", nargs=3)
    parser.add_argument("--lifetime", type=int, default=3600)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sessions", action="store_true")
    parser.add_argument("--streams", action="store_true")
    options = parser.parse_args()
    threading.Thread(target=end_with_standard_input, daemon=True).start()

    listener = socket.create_server(("127.0.0.1", options.port))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    provider = InMemory(options.lifetime)
    if options.client is not None:
        provider.set_up(*options.client)
    default_scopes = not options.no_default_scopes
    app = application(origin, provider, default_scopes, options.sessions, options.streams)
    server = uvicorn.Server(uvicorn.Config(Record(app), log_level="warning", lifespan="on"))
    print(f"{origin}/mcp", flush=True)
    asyncio.run(server.serve(sockets=[listener]))


main()
