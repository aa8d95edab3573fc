"""How receiving from Pub/Sub ends."""

import asyncio
from typing import Any

import pytest
from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import AioRpcError, Metadata  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.pubsub.intake import Intake, Pulls
from engine.bus.pubsub.room import Room
from engine.domain.errors import Unavailable
from tests.contracts.pubsub_buses import QUICK
from tests.patience import PATIENCE_SECONDS


class FailingPulls:
    """Pulls that hang, and fail together with what ends them."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def pull(self, *_: Any, **__: Any) -> Any:
        self.begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            raise AioRpcError(StatusCode.NOT_FOUND, Metadata(), Metadata(), details="gone") from None


@pytest.mark.parametrize("pulls", [1, 4])
async def test_what_is_cancelled_while_it_fails_ends_all_the_same(pulls: int) -> None:
    rpc: Any = FailingPulls()

    async def missing() -> str:
        return "s"

    intake = Intake(
        Pulls(rpc, QUICK),
        lambda _: None,
        Room(10 * pulls),
        tuning=QUICK,
        missing=missing,
        explain=lambda error: Unavailable(str(error)),
    )
    task = intake.start("s")
    await rpc.begun.wait()
    task.cancel()
    _, running = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
    task.cancel()
    assert not running
    assert task.cancelled()
