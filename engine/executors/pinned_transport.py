"""An HTTP transport that connects only to addresses which the guard has checked.

The name is resolved once, in the act of connecting, and the connection goes to the very address that was checked. A
name server that answers differently the second time (DNS rebinding) is not asked a second time. TLS still verifies the
original name.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, Self

from engine.executors.addresses import AddressGuard
from engine.executors.late import GUARDED_CONNECTIONS, Late

if TYPE_CHECKING:
    import httpx

    from engine.executors.guarded_connections import GuardedConnections


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """The operating system's resolver, in its order of preference."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is no host name") from error
    return [str(address[0]) for *_, address in found]


class Transport(Protocol):
    """What HTTP requests are sent by; httpx's own transports are such."""

    async def handle_async_request(self, request: "httpx.Request") -> "httpx.Response": ...


class PinnedTransport(Transport):
    """Close it with `aclose`, or by leaving its context."""

    def __init__(self, guard: AddressGuard, *, verify: ssl.SSLContext | None = None) -> None:
        self._late: Late[GuardedConnections] = Late(
            GUARDED_CONNECTIONS, lambda module: module.GuardedConnections(guard, verify)
        )

    async def handle_async_request(self, request: "httpx.Request") -> "httpx.Response":
        return await (await self._late.get()).handle_async_request(request)

    async def aclose(self) -> None:
        if self._late.made is not None:
            await self._late.made.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
