"""Timers of an event loop may ring before their time: uvloop counts whole milliseconds. Nobody waits for one that rang already."""

import asyncio
from collections.abc import Callable
from typing import Any

from engine.domain.status import ExecutionStatus
from engine.settings import Settings
from tests.runtime.client import Client, call
from tests.runtime.parts import CALLS

EARLY_SECONDS = 0.001


class EarlyLoop(asyncio.SelectorEventLoop):
    def call_at(  # type: ignore[override]  # the generic signature adds nothing here
        self, when: float, callback: Callable[..., object], *args: Any, **more: Any
    ) -> asyncio.TimerHandle:
        return super().call_at(when - EARLY_SECONDS, callback, *args, **more)


def test_a_retry_comes_though_its_alarm_rang_too_early(settings: Settings) -> None:
    CALLS.clear()

    async def main() -> None:
        async with Client.opened(settings) as client:
            retry = {"max_attempts": 3, "initial": "20ms", "backoff": 1.0, "jitter": 0.2}
            await client.define(call("a", "flaky", {"key": "${ input.key }", "failures": 2}, retry=retry))
            started = [await client.start(input={"key": str(number)}) for number in range(20)]
            for execution_id in started:
                assert (await client.ended(execution_id)).state.status is ExecutionStatus.SUCCEEDED

    with asyncio.Runner(loop_factory=EarlyLoop) as runner:
        runner.run(main())
