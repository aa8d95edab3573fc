"""Follows an execution's events over whatever happens to the connection: without gaps, and without repeats."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from weft.cli.absence import Absence
from weft.cli.api import Api
from weft.cli.api_errors import ApiError
from weft.cli.documents import ALIASED, EVENTS, EXECUTION_STATUS

Event = dict[str, Any]
"""An event of the public schema: `__typename`, `executionId`, `seq` (None if it is ephemeral), `at`, and its own fields."""

ENDINGS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionCancelled": "CANCELLED",
}
"""The status that each terminal event brings."""


async def follow(
    api: Api,
    execution_id: str,
    *,
    after: int = 0,
    ephemeral: bool = True,
    on_interruption: Callable[[float], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Event, None]:
    """Events behind `after`, until the execution has ended. `on_interruption` gets the seconds until the next attempt.

    Raises `NoServer` if the first connection fails, or none comes about for `PATIENCE_SECONDS`; `RequestRefused` if
    there is no such execution.
    """
    seen, absence = after, Absence(clock)
    while True:
        try:
            async with aclosing(api.subscribe(EVENTS, id=execution_id, after=seen, ephemeral=ephemeral)) as stream:
                async for data in stream:
                    absence.end()
                    event = _unaliased(data["executionEvents"])
                    if event["seq"] is not None and event["seq"] <= seen:
                        continue
                    seen = event["seq"] or seen
                    yield event
                    if event["__typename"] in ENDINGS:
                        return
            if await status_of(api, execution_id) in ENDINGS.values():
                return  # it had ended before `after`
        except ApiError as error:
            if not absence.tolerates(error):
                raise
        pause = absence.next_pause()
        on_interruption(pause)
        await sleep(pause)


async def status_of(api: Api, execution_id: str) -> str | None:
    """None if there is no such execution."""
    execution = (await api.query(EXECUTION_STATUS, id=execution_id))["execution"]
    return None if execution is None else str(execution["status"])


def _unaliased(event: Event) -> Event:
    return {name.removesuffix(ALIASED): value for name, value in event.items()}
