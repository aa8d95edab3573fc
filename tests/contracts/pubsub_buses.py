"""Buses on the Pub/Sub emulator, and what they asked it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from grpc import StatusCode, aio  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.pubsub import PubSubBus
from engine.bus.pubsub.tuning import Tuning
from tests.patience import PATIENCE_SECONDS

QUICK = Tuning(poll_seconds=1.0, reconnect_seconds=(0.01, 0.1), redelivery_seconds=(0.0,), grace_seconds=2.0)


class Calls(aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # gRPC has no types
    """The unary requests of a bus, by the method's name. Those for which `refuse` names a status fail with it, unsent."""

    def __init__(self, refuse: Callable[[str, Any], StatusCode | None] = lambda _method, _request: None) -> None:
        self.made: list[tuple[str, Any]] = []
        self._refuse = refuse
        self._made = asyncio.Condition()

    async def intercept_unary_unary(
        self, continuation: Callable[..., Awaitable[Any]], details: Any, request: Any
    ) -> Any:
        method = details.method
        name = (method.decode() if isinstance(method, bytes) else method).rsplit("/", 1)[1]
        async with self._made:
            self.made.append((name, request))
            self._made.notify_all()
        status = self._refuse(name, request)
        if status is not None:
            raise aio.AioRpcError(status, aio.Metadata(), aio.Metadata(), details="as the test wants")
        return await continuation(details, request)

    def of(self, method: str) -> list[Any]:
        return [request for name, request in self.made if name == method]

    async def until(self, number: int, method: str, fits: Callable[[Any], bool] = lambda _: True) -> None:
        """Waits for so many requests that fit."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._made:
            await self._made.wait_for(lambda: sum(map(fits, self.of(method))) >= number)


@asynccontextmanager
async def pubsub_bus(
    project: str,
    address: str,
    *,
    provision: bool = True,
    streaming: bool = False,
    tuning: Tuning = QUICK,
    calls: Calls | None = None,
) -> AsyncIterator[PubSubBus]:
    bus = await PubSubBus.open(
        project,
        address,
        provision=provision,
        streaming=streaming,
        tuning=tuning,
        interceptors=() if calls is None else (calls,),
    )
    try:
        yield bus
    finally:
        await bus.close()
