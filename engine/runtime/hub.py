"""The live hub: hands what is committed to those who watch, each through a bounded buffer of its own.

A subscriber that does not keep up costs a fixed amount of memory: when its buffer is full it is emptied and marked as lagging, and
the subscriber reads the log instead. So it does when a message was lost on the way from another process: what is watched and quiet is
looked at in the store now and then.
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
from engine.domain.status import ExecutionStatus
from engine.usecases.live import Changed, Lagged, LiveChanges, LiveEntries, LiveHub

ENTRIES_BUFFERED = 1000
CHANGES_BUFFERED = 10_000
FOLLOWED = 1000
"""Executions that nobody watches alone, but somebody among all: so many are looked at when they are quiet."""
_TERMINAL = frozenset(status.value for status in ExecutionStatus if status.terminal)
FIRST_PATIENCE_SECONDS, LONGEST_PATIENCE_SECONDS = 1.0, 30.0
"""How long what is watched may be quiet before the store is asked whether it really was."""

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
            self.lag()
        if not (self._lagged and entry.seq is not None):
            self._buffer.append(entry)
        self._arrived.set()

    def lag(self) -> None:
        """There is something in the log that was not told."""
        self._lagged = True
        self._buffer.clear()
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


class Seen:
    """How far an execution is known here that somebody watches, and when to look whether there is more. Times are the event loop's."""

    __slots__ = ("look_at", "patience", "seq")

    def __init__(self, seq: int, now: float) -> None:
        self.seq = seq
        self.heard(seq, now)

    def heard(self, seq: int, now: float) -> None:
        self.seq = max(self.seq, seq)
        self.patience = FIRST_PATIENCE_SECONDS
        self.look_at = now + self.patience

    def looked(self, now: float) -> None:
        """The longer nothing happened, the longer until the next look."""
        self.patience = min(self.patience * 2, LONGEST_PATIENCE_SECONDS)
        self.look_at = now + self.patience


Key = tuple[str, str]
"""A tenant and an execution."""


class Hub(LiveHub):
    """`run` must be under way for anything to arrive."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._entries: dict[Key, dict[_Entries, None]] = {}
        self._changes: dict[str, dict[_Changes, None]] = {}
        self._seen: dict[Key, Seen] = {}

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
        self._entries.setdefault(key, {})[subscriber] = None
        self._seen.setdefault(key, Seen(0, _now()))
        try:
            yield subscriber
        finally:
            self._entries[key].pop(subscriber)
            if not self._entries[key]:
                del self._entries[key]

    @asynccontextmanager
    async def changes(self, tenant: str) -> AsyncIterator[LiveChanges]:
        subscriber = _Changes()
        self._changes.setdefault(tenant, {})[subscriber] = None
        try:
            yield subscriber
        finally:
            self._changes[tenant].pop(subscriber)
            if not self._changes[tenant]:
                del self._changes[tenant]

    # -------------------------------------------------------------- what was not told

    def overdue(self, now: float) -> list[Key]:
        """What is watched, and was quiet for so long that it should be looked at."""
        for key in [key for key in self._seen if key not in self._entries and key[0] not in self._changes]:
            del self._seen[key]
        return [key for key, seen in self._seen.items() if seen.look_at <= now]

    def found(self, key: Key, change: Changed, seq: int, now: float) -> bool:
        """The execution as it is stored; whether those who watch it did not know."""
        seen = self._seen.get(key)
        if seen is None or seq <= seen.seq:
            if seen is not None:
                seen.looked(now)
            return False
        seen.heard(seq, now)
        for subscriber in self._entries.get(key, ()):
            subscriber.lag()
        self._changed(key, change)
        return True

    def unreadable(self, key: Key, now: float) -> None:
        """The execution cannot be read here: those who watch it try themselves, and are told so."""
        if key in self._seen:
            self._seen[key].looked(now)
        for subscriber in self._entries.get(key, ()):
            subscriber.lag()

    # -------------------------------------------------------------- what is told

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
            key = (told.tenant, told.execution_id)
            change = Changed(
                execution_id=told.execution_id,
                workflow_id=told.workflow_id,
                status=told.status,
                batch_id=told.batch_id,
            )
            self._heard(key, told.first_seq + len(told.events) - 1)
            self._changed(key, change)

    def _heard(self, key: Key, seq: int) -> None:
        if key in self._entries or key[0] in self._changes:
            seen = self._seen.get(key)
            if seen is None:
                self._seen[key] = Seen(seq, _now())
            else:
                seen.heard(seq, _now())

    def _changed(self, key: Key, change: Changed) -> None:
        for watcher in self._changes.get(key[0], ()):
            watcher.put(change)
        if key in self._entries:
            return
        if change.status in _TERMINAL:
            self._seen.pop(key, None)
        elif len(self._seen) > FOLLOWED:
            oldest = next((each for each in self._seen if each not in self._entries), None)
            self._seen.pop(oldest or key, None)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _entries_of(told: EventsCommitted) -> list[Entry]:
    durable = [Entry(seq, _durable.decode(raw)) for seq, raw in enumerate(told.events, start=told.first_seq)]
    return [*durable, *(Entry(None, _ephemeral.decode(raw)) for raw in told.live)]
