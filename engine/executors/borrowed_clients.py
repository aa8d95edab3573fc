"""HTTP clients on a transport that belongs to somebody else."""

import httpx

from engine.executors.pinned_transport import Transport


class BorrowedClients:
    """Makes clients as MCP's sessions ask for them; `transport` is not closed with a client that uses it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __call__(
        self,
        headers: dict[str, str] | None = None,
        timeout: httpx.Timeout | None = None,
        auth: httpx.Auth | None = None,
    ) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=_Borrowed(self._transport), headers=headers, timeout=timeout, auth=auth)


class _Borrowed(httpx.AsyncBaseTransport):
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)
