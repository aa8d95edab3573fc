"""The connections of `PinnedTransport`."""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from engine.executors.addresses import AddressGuard

_KEEPALIVE_CONNECTIONS = 64
_KEEPALIVE_SECONDS = 15.0


class GuardedConnections(httpx.AsyncHTTPTransport):
    """Without proxies and environment: both could lead around the guard."""

    def __init__(self, guard: AddressGuard, verify: ssl.SSLContext | None) -> None:
        context = verify or httpx.create_ssl_context(trust_env=False)  # some 20 ms: made once
        super().__init__(verify=context, trust_env=False)
        # httpx does not pass a network backend on to the pool that it makes, so the pool is made here.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=_KEEPALIVE_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=_GuardedBackend(guard, httpcore.AnyIOBackend()),
        )


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, guard: AddressGuard, inner: httpcore.AsyncNetworkBackend) -> None:
        self._guard = guard
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises `AddressNotAllowed`, which passes through httpcore and httpx as it is."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._addresses(host, port)
                return await self._first(addresses, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection to {host} in time") from error

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return await self._guard.addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error.strerror or error}") from error

    async def _first(
        self, addresses: list[str], port: int, local_address: str | None, socket_options: Iterable[Any] | None
    ) -> httpcore.AsyncNetworkStream:
        """The first address that answers, as a host may have one that is down, or IPv6 without a route."""
        options = list(socket_options or ())
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, None, local_address, options)
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(addresses[-1], port, None, local_address, options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError(
            f"{path} with {timeout=} and {socket_options=}: workflows do not reach local sockets"
        )

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
