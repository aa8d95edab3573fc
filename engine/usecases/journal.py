"""The one write path of executions: load, decide, commit on the condition that nobody else wrote, publish.

Whoever changes an execution, a worker with a result or an API call that cancels, comes through here.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import msgspec

from engine.bus.port import MessageBus
from engine.bus.topics import EVENTS, INBOX, POKE, WAKE, EventsCommitted, Inbox, Wake
from engine.domain.errors import NotFound, Unavailable, WeftError
from engine.domain.events import DurableEvent, EphemeralEvent, ExecutionQueued
from engine.domain.execution import Command, Decision, Execution, decide, evolve
from engine.domain.ids import RandomBytes
from engine.storage.port import Conflict, Write
from engine.storage.repositories.deliveries import received_write
from engine.storage.repositories.executions import ExecutionRepository
from engine.storage.repositories.head import Lease, Stored, execution_path, wants_worker
from engine.usecases.aftermath import todo_after
from engine.usecases.new_execution import NewExecution, Starter
from engine.usecases.triggers.announcing import Announcer

Clock = Callable[[], datetime]
"""The current time, UTC."""

_CONFLICTS_BORNE = 50
TOLD_BYTES = 1_000_000
"""Of the events in one message; Pub/Sub takes 10 MB."""
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Journal:
    """`exclusive`: no other process writes to the store, so what was written last is known without reading it again. Otherwise
    what is remembered saves folding the log from its start: what is stored is read all the same.
    """

    def __init__(
        self,
        executions: ExecutionRepository,
        bus: MessageBus,
        clock: Clock,
        *,
        exclusive: bool,
        random_bytes: RandomBytes,
        announcer: Announcer | None = None,
        remembered: int = 1000,
    ) -> None:
        self._executions = executions
        self._bus = bus
        self._clock = clock
        self._exclusive = exclusive
        self._random_bytes = random_bytes
        self._announcer = announcer
        self._remembered = remembered
        self._recent: OrderedDict[str, Stored] = OrderedDict()
        self._starter: Starter | None = None
        self._under_way: set[asyncio.Task[Stored]] = set()

    async def create(
        self,
        tenant: str,
        execution_id: str,
        queued: ExecutionQueued,
        more: Sequence[DurableEvent] = (),
        *,
        writes: Sequence[Write] = (),
    ) -> Stored:
        """The execution as these events leave it; it may have been begun in the same commit. Raises `Conflict` if it, or something
        in `writes`, exists already.
        """
        blank = await self._executions.blank(tenant, execution_id, queued)
        execution = evolve(blank.execution, more) if more else blank.execution
        new = NewExecution(blank=blank, execution=execution, events=(queued, *more), writes=writes)
        if self._starter is not None and await self._starter.start(new):
            return Stored(rev=1, execution=execution)
        return await self.record(blank, new.events, execution, queued.at, lease=None, writes=writes)

    @contextmanager
    def new_executions_to(self, starter: Starter) -> Iterator[None]:
        """Where `starter` has room, it begins new executions in the commit that creates them. Without one, or where it has none,
        they are left to whoever takes the hint.
        """
        self._starter = starter
        try:
            yield
        finally:
            self._starter = None

    async def load(self, tenant: str, execution_id: str) -> Stored:
        """Raises `NotFound`."""
        recent = self._recent.get(execution_path(tenant, execution_id))
        if recent is not None and self._exclusive:
            return recent
        stored = await self._executions.load(tenant, execution_id, known=recent)
        if stored is None:
            raise NotFound(f"there is no execution {execution_id[:80]!r}", path=("id",))
        if not self._exclusive:
            self._remember(stored)
        return stored

    async def reload(self, stored: Stored) -> Stored:
        """How the execution is stored by now. Raises `NotFound`."""
        tenant, execution_id = stored.state.tenant, stored.state.id
        recent = self._recent.get(execution_path(tenant, execution_id))
        if not self._exclusive and (recent is None or recent.rev < stored.rev):
            self._remember(stored)
        return await self.load(tenant, execution_id)

    async def change(self, tenant: str, execution_id: str, command: Command, writes: Sequence[Write] = ()) -> Stored:
        """Carries out a command that comes from outside. Decides again whenever somebody else was quicker.

        Raises what `decide` raises, `NotFound`, and `Conflict` if something in `writes` does not hold.
        """
        root = execution_path(tenant, execution_id)
        for conflicts in range(_CONFLICTS_BORNE):
            at = self._clock()
            stored, decision = await self._decided(tenant, execution_id, command, at)
            try:
                return await self.record(
                    stored, decision.events, decision.execution, at, lease=stored.lease, writes=writes
                )
            except Conflict as conflict:
                self.forget(tenant, execution_id)
                if conflict.document != root:
                    raise
                if not self._exclusive:
                    await asyncio.sleep(self.rest(conflicts))
        raise Unavailable(f"execution {execution_id} is being changed too fast by others")

    def new_mark(self) -> str | None:
        """For the next commit of an owner; None where no commit's fate is ever unknown."""
        return None if self._exclusive else self._random_bytes(6).hex()

    def rest(self, conflicts: int) -> float:
        """Seconds, at random, so that those who want to write the same do not meet again."""
        longest: float = min(0.005 * 2.0**conflicts, 0.5)
        return longest * (0.5 + self._random_bytes(1)[0] / 255)

    async def _decided(self, tenant: str, execution_id: str, command: Command, at: datetime) -> tuple[Stored, Decision]:
        """A refusal must rest on what is stored: what is remembered lags behind while a commit is being reported."""
        known = self.known(tenant, execution_id)
        if known is not None:
            try:
                return known, decide(known.execution, command, at)
            except WeftError:
                self.forget(tenant, execution_id)
        stored = await self.load(tenant, execution_id)
        return stored, decide(stored.execution, command, at)

    async def record(
        self,
        stored: Stored,
        events: Sequence[DurableEvent],
        after: Execution,
        at: datetime,
        *,
        lease: Lease | None,
        writes: Sequence[Write] = (),
    ) -> Stored:
        """As `append`, for callers that do not drive the execution and may be cancelled: a client hangs up, and its commit is under
        way. What is written is remembered and told all the same, also to whoever drives it; else this process would go on from
        what was before.
        """
        task = asyncio.create_task(self._record(stored, events, after, at, lease=lease, writes=writes))
        self._under_way.add(task)
        task.add_done_callback(self._recorded)
        return await asyncio.shield(task)

    async def _record(
        self,
        stored: Stored,
        events: Sequence[DurableEvent],
        after: Execution,
        at: datetime,
        *,
        lease: Lease | None,
        writes: Sequence[Write],
    ) -> Stored:
        new = await self.append(stored, events, after, at, lease=lease, writes=writes)
        if lease is not None:
            state = new.state
            attributes = {"owner": lease.owner, "execution": state.id, "seq": str(state.seq)}
            self._bus.hint(POKE, b"", attributes)
        return new

    def _recorded(self, task: "asyncio.Task[Stored]") -> None:
        """What was refused concerns the caller; where nobody waits for it any more, nothing was written and nothing is lost."""
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.debug("a commit was refused", exc_info=task.exception())

    async def close(self) -> None:
        """Waits for the commits whose callers hung up."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def append(
        self,
        stored: Stored,
        events: Sequence[DurableEvent],
        after: Execution,
        at: datetime,
        *,
        lease: Lease | None,
        mark: str | None = None,
        writes: Sequence[Write] = (),
    ) -> Stored:
        """Commits what was decided, then publishes it. An ended execution gives its lease back. An owner gives its commit a `mark`.
        Raises `Conflict`.
        """
        ended = after.state.terminal
        todo = todo_after(after, epoch=(lease or stored).epoch) if ended and not stored.state.terminal else stored.todo
        announced = await self._announcer.announced(stored.state, after.state, at) if self._announcer else None
        if announced is not None:
            writes = [*writes, received_write(announced)]
        new = await self._executions.commit(
            stored, events, after, at, lease=None if ended else lease, mark=mark, todo=todo, writes=writes
        )
        self._tell(new, new.state.seq - len(events) + 1, at)
        if announced is not None:
            self._bus.hint(INBOX, _encode(Inbox(tenant=announced.tenant, received_id=announced.id)))
        return new

    async def settle(self, stored: Stored, at: datetime, todo: tuple[str, ...]) -> Stored:
        """Notes what is left to do after the end. Raises `Conflict`."""
        new = await self._executions.commit(stored, (), stored.execution, at, lease=None, todo=todo)
        self._remember(new)
        return new

    def known(self, tenant: str, execution_id: str) -> Stored | None:
        """What was written last, where that is known without reading."""
        return self._recent.get(execution_path(tenant, execution_id)) if self._exclusive else None

    def forget(self, tenant: str, execution_id: str) -> None:
        self._recent.pop(execution_path(tenant, execution_id), None)

    def publish_live(self, stored: Stored, events: Sequence[EphemeralEvent]) -> None:
        """Tells those who watch about events that are not kept. Losing them is allowed."""
        state = stored.state
        message = EventsCommitted(
            tenant=state.tenant, execution_id=state.id, live=[msgspec.Raw(_encode(event)) for event in events]
        )
        self._bus.hint(EVENTS, _encode(message), {"execution": state.id, "seq": "0"})

    def _tell(self, stored: Stored, first_seq: int, at: datetime) -> None:
        """What was committed stays committed: a hint that is lost costs time, not data."""
        self._remember(stored)
        state = stored.state
        if state.seq >= first_seq:
            told = _within(stored.fresh, TOLD_BYTES)
            message = EventsCommitted(
                tenant=state.tenant,
                execution_id=state.id,
                first_seq=state.seq - len(told) + 1,
                events=told,
                status=state.status.value,
                workflow_id=state.workflow_id,
                batch_id=state.batch_id,
            )
            self._bus.hint(EVENTS, _encode(message), {"execution": state.id, "seq": str(state.seq)})
        if wants_worker(stored, at):
            wake = Wake(tenant=state.tenant, execution_id=state.id, lane=state.lane, priority=state.priority)
            self._bus.hint(WAKE, _encode(wake), {"execution": state.id})

    def _remember(self, stored: Stored) -> None:
        """An ended execution is not looked at again."""
        key = execution_path(stored.state.tenant, stored.state.id)
        if stored.state.terminal and not stored.todo:
            self._recent.pop(key, None)
            return
        self._recent[key] = stored
        self._recent.move_to_end(key)
        if len(self._recent) > self._remembered:
            self._recent.popitem(last=False)


def _within(events: Sequence[msgspec.Raw], limit: int) -> list[msgspec.Raw]:
    """The last of the events, as many as have so many bytes, and one at least: whoever sees the gap reads the log."""
    size = 0
    for at in range(len(events) - 1, -1, -1):
        size += len(events[at])
        if size > limit and at < len(events) - 1:
            return list(events[at + 1 :])
    return list(events)
