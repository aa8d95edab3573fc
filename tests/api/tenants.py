"""Two tenants on one server, each with its token: `alice` owns what the fixture `world` makes, `bob` has nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from graphql_api.app import create_app
from graphql_api.context import LOCAL_OWNER
from tests.api.client import Api
from tests.api.holders import Holders, bearer
from tests.api.serving import served
from weft.cli.address import parse_address
from weft.cli.api import Api as Client
from weft.cli.api import connect

UNKNOWN = {kind: f"{kind}_{'a' * 26}" for kind in ("ex", "ba", "wf", "tr", "de")}
"""Ids that could be, and never were."""
BOBS_TENANT = "globex"


class Tenants:
    """Clients over real sockets, and bob's answers as texts, which show every difference."""

    def __init__(self, address: str, alice: Client, bob: Client, bobs_http: httpx.AsyncClient) -> None:
        self.address = address
        self.alice = alice
        self.bob = bob
        self._http = bobs_http

    async def bob_gets(self, query: str, **variables: Any) -> str:
        return await self._post(query, variables, {})

    async def bob_hears(self, query: str, **variables: Any) -> str:
        """The whole stream, by server-sent events."""
        return await self._post(query, variables, {"accept": "text/event-stream"})

    async def _post(self, query: str, variables: dict[str, Any], headers: dict[str, str]) -> str:
        body = {"query": query, "variables": variables}
        return (await self._http.post("/graphql", json=body, headers=headers)).text


@asynccontextmanager
async def two_tenants(api: Api, directory: Path) -> AsyncIterator[Tenants]:
    holders = Holders(directory, api.runtime.services)
    alice = holders.add("alice", tenant=LOCAL_OWNER.tenant, role="admin")
    bob = holders.add("bob", tenant=BOBS_TENANT, role="admin")
    holders.look()
    async with served(create_app(holders.runtime)) as address:
        server = parse_address(address)
        async with (
            connect(server, f"Bearer {alice}") as first,
            connect(server, f"Bearer {bob}") as second,
            httpx.AsyncClient(base_url=server.url, headers=bearer(bob)) as http,
        ):
            yield Tenants(address, first, second, http)


def renamed(text: str, names: dict[str, str]) -> str:
    """The text as it would be about things of other names."""
    for real, never in names.items():
        text = text.replace(real, never)
    return text
