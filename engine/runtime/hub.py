"""The live hub: hands what is committed to those who watch, each through a bounded buffer of its own.

A subscriber that does not keep up costs a fixed amount of memory: when its buffer is full it is emptied and marked as lagging, and
the subscriber reads the log instead.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from engine.bus.port import Message, MessageBus
from engine.bus.topics import EVENTS, EventsCommitted
from engine.domain.events import DurableEvent, Entry, EphemeralEvent
from engine.usecases.live import Changed, Lagged, LiveChanges, LiveEntries, LiveHub

ENTRIES_BUFFERED = 1000
CHANGES_BUFFERED = 10_000

_log = logging.getLogger(__name__)
_message = msgspec.json.Decoder(EventsCommitted)
_durable = msgspec.json.Decoder(DurableEvent)
_ephemeral = msgspec.json.Decoder(EphemeralEvent)


class _Entries(LiveEntries):
    """Ephemeral entries are dropped first: they may be, and a burst of tokens must not send anybody to the log."""

    def __init__(self) -> None:
        self._buffer: deque[Entry] = deque()
        self._lagged = False
        self._arrived = asyncio.Event()

    def put(self, entry: Entry) -> None:
        if len(self._buffer) >= ENTRIES_BUFFERED:
            if entry.seq is None:
                return
            self._buffer.clear()
            self._lagged = True
        if not (self._lagged and entry.seq is not None):
            self._buffer.append(entry)
        self._arrived.set()

    async def next(self) -> Entry | Lagged:
        while not self._buffer and not self._lagged:
            self._arrived.clear()
            await self._arrived.wait()
        if self._lagged:
            self._lagged = False
            return Lagged()
        return self._buffer.popleft()


class _Changes(LiveChanges):
    def __init__(self) -> None:
        self._changed: dict[str, Changed] = {}
        self._lagged = False
        self._arrived = asyncio.Event()

    def put(self, change: Changed) -> None:
        self._changed.pop(change.execution_id, None)
        if len(self._changed) >= CHANGES_BUFFERED:
            self._changed.clear()
            self._lagged = True
        self._changed[change.execution_id] = change
        self._arrived.set()

    async def next(self) -> list[Changed] | Lagged:
        while not self._changed and not self._lagged:
            self._arrived.clear()
            await self._arrived.wait()
        if self._lagged:
            self._lagged = False
            return Lagged()
        changes = list(self._changed.values())
        self._changed.clear()
        return changes


class Hub(LiveHub):
    """`run` must be under way for anything to arrive."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._entries: dict[tuple[str, str], set[_Entries]] = {}
        self._changes: dict[str, set[_Changes]] = {}

    @property
    def subscribers(self) -> int:
        return sum(map(len, self._entries.values())) + sum(map(len, self._changes.values()))

    async def run(self, listening: asyncio.Event) -> None:
        """Until cancelled. Sets `listening` when nothing that is published from then on will be missed."""
        async with self._bus.listen(EVENTS) as messages:
            listening.set()
            async for message in messages:
                self._deliver(message)

    @asynccontextmanager
    async def entries(self, tenant: str, execution_id: str) -> AsyncIterator[LiveEntries]:
        subscriber = _Entries()
        key = (tenant, execution_id)
        self._entries.setdefault(key, set()).add(subscriber)
        try:
            yield subscriber
        finally:
            self._entries[key].discard(subscriber)
            if not self._entries[key]:
                del self._entries[key]

    @asynccontextmanager
    async def changes(self, tenant: str) -> AsyncIterator[LiveChanges]:
        subscriber = _Changes()
        self._changes.setdefault(tenant, set()).add(subscriber)
        try:
            yield subscriber
        finally:
            self._changes[tenant].discard(subscriber)
            if not self._changes[tenant]:
                del self._changes[tenant]

    def _deliver(self, message: Message) -> None:
        """Nothing is decoded as long as nobody watches."""
        if not self._entries and not self._changes:
            return
        try:
            told = _message.decode(message.body)
            subscribers = self._entries.get((told.tenant, told.execution_id))
            entries = _entries_of(told) if subscribers else []
        except msgspec.MsgspecError:
            _log.exception("a message on %s cannot be read; its readers will find it in the log", EVENTS)
            return
        for subscriber in subscribers or ():
            for entry in entries:
                subscriber.put(entry)
        if told.events:
            change = Changed(
                execution_id=told.execution_id,
                workflow_id=told.workflow_id,
                status=told.status,
                batch_id=told.batch_id,
            )
            for watcher in self._changes.get(told.tenant, ()):
                watcher.put(change)


def _entries_of(told: EventsCommitted) -> list[Entry]:
    durable = [Entry(seq, _durable.decode(raw)) for seq, raw in enumerate(told.events, start=told.first_seq)]
    return [*durable, *(Entry(None, _ephemeral.decode(raw)) for raw in told.live)]
