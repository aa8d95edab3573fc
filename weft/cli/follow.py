"""Follows an execution's events over whatever happens to the connection: without gaps, and without repeats."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from weft.cli.api import Api
from weft.cli.api_errors import ConnectionLost, NoServer, RequestRefused
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

PATIENCE_SECONDS = 300.0
"""How long a server may be away."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


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
    seen, connected, failed, lost_at = after, False, 0, 0.0
    while True:
        try:
            async with aclosing(api.subscribe(EVENTS, id=execution_id, after=seen, ephemeral=ephemeral)) as stream:
                async for data in stream:
                    connected, failed = True, 0
                    event = _unaliased(data["executionEvents"])
                    if event["seq"] is not None and event["seq"] <= seen:
                        continue
                    seen = event["seq"] or seen
                    yield event
                    if event["__typename"] in ENDINGS:
                        return
            connected = True
            if await status_of(api, execution_id) in ENDINGS.values():
                return  # it had ended before `after`
        except ConnectionLost:
            connected = True
        except RequestRefused as refused:
            if refused.code != "UNAVAILABLE":
                raise
        except NoServer:
            if not connected or (failed and clock() - lost_at > PATIENCE_SECONDS):
                raise
        lost_at = lost_at if failed else clock()
        pause = _pause(failed)
        failed += 1
        on_interruption(pause)
        await sleep(pause)


async def status_of(api: Api, execution_id: str) -> str | None:
    """None if there is no such execution."""
    execution = (await api.query(EXECUTION_STATUS, id=execution_id))["execution"]
    return None if execution is None else str(execution["status"])


def _pause(failed: int) -> float:
    """Seconds before the next attempt: doubled each time, and jittered, so that clients do not come back all at once."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failed, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, protects nothing


def _unaliased(event: Event) -> Event:
    return {name.removesuffix(ALIASED): value for name, value in event.items()}
