"""Follows what a trigger does over whatever happens to the connection."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from weft.cli.absence import Absence
from weft.cli.api import Api
from weft.cli.api_errors import ApiError
from weft.cli.documents import DELIVERIES, DELIVERIES_LIVE
from weft.cli.session import pages, some

Delivery = dict[str, Any]


async def follow_deliveries(
    api: Api,
    name: str,
    *,
    on_interruption: Callable[[float], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Delivery, None]:
    """From now on, each delivery and each again whose outcome changes, until the trigger is deleted. Raises as `follow` does."""
    seen, absence = _Seen(api, name), Absence(clock)
    await seen.begin()
    while True:
        try:
            async with aclosing(api.subscribe(DELIVERIES_LIVE, name=name)) as stream:
                first = True
                async for data in stream:
                    absence.end()
                    # What was decided before the stream began, a moment or an absence ago, is in the list.
                    missed = await seen.missed() if first else []
                    first = False
                    for each in (*missed, data["triggerDeliveries"]):
                        if seen.adds(each):
                            yield each
        except ApiError as error:
            if not absence.tolerates(error):
                raise
        else:
            return
        pause = absence.next_pause()
        on_interruption(pause)
        await sleep(pause)


class _Seen:
    """What was shown of a trigger's deliveries, and which is the newest of them."""

    def __init__(self, api: Api, name: str) -> None:
        self._api = api
        self._name = name
        self._newest = ""
        self._states: dict[str, tuple[Any, ...]] = {}

    async def begin(self) -> None:
        """What there is already counts as seen. Ends the command where there is no such trigger."""
        for each in await some(self._api, DELIVERIES, ("trigger", "deliveries"), 1, name=self._name, outcome=None):
            self.adds(each)

    async def missed(self) -> list[Delivery]:
        """Those as new as the newest that was seen, or newer; oldest first."""
        found: list[Delivery] = []
        listed = pages(self._api, DELIVERIES, ("trigger", "deliveries"), name=self._name, outcome=None)
        async with aclosing(listed) as nodes:
            async for each in nodes:
                if each["at"] < self._newest:  # moments are written so that texts sort as they do
                    break
                found.append(each)
        return found[::-1]

    def adds(self, delivery: Delivery) -> bool:
        """Whether it is new, or another than it was."""
        state = (
            delivery["at"],
            delivery["outcome"],
            delivery["execution"] and delivery["execution"]["id"],
            delivery["failure"],
        )
        if self._states.get(delivery["id"]) == state:
            return False
        self._states[delivery["id"]] = state
        self._newest = max(self._newest, delivery["at"])
        return True
