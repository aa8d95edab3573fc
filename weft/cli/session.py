"""Runs a command's work against the server that it is meant for."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import typer

from weft.cli.address import BadAddress, ServerAddress, server_address
from weft.cli.api import Api, connect
from weft.cli.credentials import TokenRefused, authorization
from weft.cli.exit_codes import CommandFailed, ExitCode

T = TypeVar("T")

_PAGE = 100


def with_server(url: str | None, act: Callable[[Api], Awaitable[T]]) -> T:
    """`url` is what the command line says, None for what the environment says. Raises what `act` raises."""
    address = _address(url)
    return asyncio.run(_act(address, _authorization(address), act))


async def pages(
    api: Api, document: str, path: tuple[str, ...], **variables: Any
) -> AsyncGenerator[dict[str, Any], None]:
    """The nodes of a connection, page after page. `path` leads to it; the document takes `$first` and `$after`."""
    after = None
    while True:
        found: Any = await api.query(document, first=_PAGE, after=after, **variables)
        for name in path:
            found = found[name]
            if found is None:
                raise CommandFailed(ExitCode.REFUSED, f"there is no {name} {_named(variables)} [NOT_FOUND]")
        for node in found["nodes"]:
            yield node
        if not found["pageInfo"]["hasNextPage"]:
            return
        after = found["pageInfo"]["endCursor"]


def _named(variables: Mapping[str, Any]) -> str:
    return str(variables.get("id") or variables.get("name") or "")


async def some(api: Api, document: str, path: tuple[str, ...], limit: int, **variables: Any) -> list[dict[str, Any]]:
    """The first nodes of a connection."""
    found: list[dict[str, Any]] = []
    async with aclosing(pages(api, document, path, **variables)) as nodes:
        async for node in nodes:
            found.append(node)
            if len(found) == limit:
                break
    return found


def _address(url: str | None) -> ServerAddress:
    try:
        return server_address(os.environ, url)
    except BadAddress as error:
        raise typer.BadParameter(str(error), param_hint="--url") from error


def _authorization(address: ServerAddress) -> str | None:
    try:
        return authorization(os.environ, address)
    except TokenRefused as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from error


async def _act(address: ServerAddress, shown: str | None, act: Callable[[Api], Awaitable[T]]) -> T:
    async with connect(address, shown) as api:
        return await act(api)
