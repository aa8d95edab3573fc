"""Learning of the end of executions by the bus alone: reading them would be counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from engine.bus.port import Message, MessageBus
from engine.bus.topics import EVENTS, EventsCommitted
from engine.domain.status import ExecutionStatus

_told = msgspec.json.Decoder(EventsCommitted)


class Ends:
    def __init__(self) -> None:
        self._ends: dict[str, asyncio.Event] = {}

    async def of(self, execution_id: str) -> None:
        """Returns when it has ended, also if it had already."""
        await self._end(execution_id).wait()

    def hear(self, message: Message) -> None:
        told = _told.decode(message.body)
        if told.events and ExecutionStatus(told.status).terminal:
            self._end(told.execution_id).set()

    def _end(self, execution_id: str) -> asyncio.Event:
        return self._ends.setdefault(execution_id, asyncio.Event())


@asynccontextmanager
async def heard(bus: MessageBus) -> AsyncIterator[Ends]:
    """Of those that end while the context is open."""
    ends = Ends()
    async with bus.listen(EVENTS) as messages:

        async def hear() -> None:
            async for message in messages:
                ends.hear(message)

        hearing = asyncio.create_task(hear())
        try:
            yield ends
        finally:
            hearing.cancel()
            await asyncio.wait([hearing])
