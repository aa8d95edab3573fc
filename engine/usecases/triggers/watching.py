"""Watch what a trigger does with events: each delivery from now on, and each again whose outcome changes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from engine.bus.port import Message
from engine.bus.topics import DELIVERED
from engine.domain.errors import NotFound, Unavailable
from engine.domain.failure import Failure
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.usecases.caller import Caller
from engine.usecases.services import Services

LOOK_EVERY_SECONDS = 2.0
"""How soon what a lost hint left out is found, and a trigger that was deleted."""
OVERLAP = timedelta(seconds=10)
"""A delivery is stored some time after it was decided, maybe by a clock that is behind: so much is looked at again."""
MOST_OPEN = 1_000
"""Deliveries whose outcome may still change, and which are therefore looked at again. Of older ones only hints tell."""
_AT_ONCE = 200
_LOWEST_ID = "de"
_OPEN = (DeliveryOutcome.FAILED, DeliveryOutcome.BUFFERED)


async def watch_deliveries(
    services: Services, caller: Caller, name: str, *, look_every_seconds: float = LOOK_EVERY_SECONDS
) -> AsyncIterator[Delivery]:
    """Starts with nothing, and ends when the trigger is deleted. What changed twice in between comes as one.

    Raises `NotFound`, and `Unavailable`.
    """
    stored = await services.triggers.by_name(caller.tenant, name)
    if stored is None:
        raise NotFound(f"there is no trigger {name[:80]!r}", path=("name",))
    trigger_id = stored.trigger.id
    async with services.bus.listen(DELIVERED, only={"trigger": trigger_id}) as messages:
        hints = _Hints(messages)
        try:
            watched = _Watched(services, caller, trigger_id)
            await watched.look()  # what was there before counts as seen
            while True:
                (still_there,) = await services.triggers.by_id(caller.tenant, [trigger_id])
                async for delivery in _until_the_next_look(watched, hints, look_every_seconds if still_there else 0):
                    yield delivery
                for delivery in await watched.look():
                    yield delivery
                if still_there is None:
                    return
        finally:
            hints.close()


async def _until_the_next_look(watched: "_Watched", hints: "_Hints", seconds: float) -> AsyncIterator[Delivery]:
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    while (rest := end - clock()) > 0:
        for delivery in await watched.read(await hints.take(rest)):
            yield delivery


class _Hints:
    def __init__(self, messages: AsyncIterator[Message]) -> None:
        self._messages = messages
        self._next = self._ask()

    async def take(self, seconds: float) -> list[str]:
        """The ids of all deliveries that were told of, as soon as there is one. Raises `Unavailable` where the bus is closed."""
        await asyncio.wait({self._next}, timeout=seconds)
        ids: dict[str, None] = {}
        while self._next.done() and len(ids) < _AT_ONCE:
            message = self._next.result()
            if message is None:
                raise Unavailable("the bus is closed")
            _, delivery_id = msgspec.json.decode(message.body, type=tuple[str, str])
            ids[delivery_id] = None
            self._next = self._ask()
            await asyncio.sleep(0)  # the next one may be there already
        return list(ids)

    def close(self) -> None:
        self._next.cancel()

    def _ask(self) -> "asyncio.Task[Message | None]":
        async def ask() -> Message | None:
            return await anext(self._messages, None)

        return asyncio.create_task(ask())


class _Shown(NamedTuple):
    """What a reader can see of a delivery, and when it was decided."""

    at: datetime
    outcome: DeliveryOutcome
    execution_id: str | None
    failure: Failure | None


class _Watched:
    """Remembers what was shown of late, and what is open."""

    def __init__(self, services: Services, caller: Caller, trigger_id: str) -> None:
        self._services = services
        self._tenant = caller.tenant
        self._trigger_id = trigger_id
        self._from = services.clock() - OVERLAP
        self._shown: dict[str, _Shown] = {}

    async def read(self, ids: list[str]) -> list[Delivery]:
        """Those of these deliveries that have not been shown as they are."""
        found = await self._services.deliveries.get_many(self._tenant, ids) if ids else []
        return [each.delivery for each in found if each is not None and self._is_new(each.delivery)]

    async def look(self) -> list[Delivery]:
        """What is in the store and has not been shown."""
        looked_at = self._services.clock()
        new = [delivery async for delivery in self._decided() if self._is_new(delivery)]
        open_ = list(self._open())
        for begin in range(0, len(open_), _AT_ONCE):
            new += await self.read(open_[begin : begin + _AT_ONCE])
        self._from = max(self._from, looked_at - OVERLAP)
        self._forget()
        return new

    async def _decided(self) -> AsyncIterator[Delivery]:
        """Oldest first."""
        after = (self._from, _LOWEST_ID)
        while True:
            page = await self._services.deliveries.page(
                self._tenant, self._trigger_id, outcomes=None, start_after=after, limit=_AT_ONCE, descending=False
            )
            for delivery in page:
                yield delivery
            if len(page) < _AT_ONCE:
                return
            after = (page[-1].at, page[-1].id)

    def _is_new(self, delivery: Delivery) -> bool:
        shown = _Shown(delivery.at, delivery.outcome, delivery.execution_id, delivery.failure)
        if self._shown.get(delivery.id) == shown:
            return False
        self._shown[delivery.id] = shown
        return True

    def _open(self) -> Iterator[str]:
        return (delivery_id for delivery_id, shown in self._shown.items() if shown.outcome in _OPEN)

    def _forget(self) -> None:
        kept = set(list(self._open())[-MOST_OPEN:])
        self._shown = {key: shown for key, shown in self._shown.items() if key in kept or shown.at >= self._from}
