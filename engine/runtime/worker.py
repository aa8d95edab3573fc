"""A worker: claims executions that are ready and drives them, as many at a time as it has room for."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

import msgspec

from engine.bus.port import Message, MessageBus
from engine.bus.topics import POKE, WAKE, Wake
from engine.domain.errors import NotFound, Unavailable
from engine.domain.execution import next_due
from engine.domain.status import ExecutionStatus
from engine.runtime.aftermath import Aftermath
from engine.runtime.driver import Driver
from engine.runtime.lanes import Lanes
from engine.runtime.ready_queue import Ready, ReadyQueue
from engine.runtime.reminders import Reminders
from engine.runtime.step_runner import StepRunner
from engine.runtime.tenure import Fenced
from engine.storage.port import Conflict
from engine.storage.repositories.decoding import IncompatibleData
from engine.storage.repositories.head import Stored
from engine.usecases.journal import Clock, Journal
from engine.usecases.new_execution import NewExecution, Starter
from engine.usecases.resting import Resting

AGAIN_SECONDS = 0.05
UNREADABLE_SECONDS = 60.0
UNAVAILABLE_SECONDS = 2.0
"""Until an execution is tried again that the store would not give or take."""
JUST_NOW = timedelta(seconds=1)
"""What could not be done for so long after an end is left to the sweep."""
NO_LANE = ""
LOOKED_AT, FIRST_FEW = 20, 5
HINTS_HELD = 5
"""Where others could take them: how many times its capacity of hints a worker takes before it leaves them to the bus."""
NEAR_SECONDS = 60.0
"""Timers that are due sooner are kept in memory; later ones are found by the sweep."""

_log = logging.getLogger(__name__)
_wake = msgspec.json.Decoder(Wake)


class Worker(Starter):
    """`capacity` is how many executions it drives at a time."""

    def __init__(
        self,
        *,
        worker_id: str,
        journal: Journal,
        bus: MessageBus,
        runner: StepRunner,
        lanes: Lanes,
        aftermath: Aftermath,
        clock: Clock,
        exclusive: bool,
        capacity: int,
        log_limit: int,
        lease: timedelta,
    ) -> None:
        self.worker_id = worker_id
        self._journal = journal
        self._bus = bus
        self._runner = runner
        self._lanes = lanes
        self._aftermath = aftermath
        self._clock = clock
        self._exclusive = exclusive
        self._capacity = capacity
        self._log_limit = log_limit
        self._lease = lease
        self._queue = ReadyQueue()
        self._driving: dict[str, Driver] = {}
        self._claimed: dict[str, str] = {}
        """The lanes of the executions that are taken care of, by their ids."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._reminders = Reminders(self.offer)
        self._told: dict[str, Ready] = {}
        """Hints that came for what is taken care of already."""
        self._unreadable = Resting()
        """Executions that another version of the software wrote."""
        self._stopping = False
        self._leaving = asyncio.Event()
        self._moved = asyncio.Event()
        """Set whenever something left the queue."""

    @property
    def driving(self) -> int:
        return len(self._claimed)

    @property
    def waiting(self) -> int:
        """Executions that it was told of and has no room for."""
        return len(self._queue)

    @property
    def has_room(self) -> bool:
        return not self._stopping and len(self._claimed) < self._capacity

    async def take_hints(self, listening: asyncio.Event) -> None:
        """Takes hints and new executions until it stops. Sets `listening` when no hint will be missed any more."""
        async with self._bus.consume(WAKE, "workers", self._on_wake, concurrency=self._capacity):
            with self._journal.new_executions_to(self):
                listening.set()
                await self._leaving.wait()

    async def take_pokes(self, listening: asyncio.Event) -> None:
        """Hears, until cancelled, that somebody else wrote to what is driven here."""
        async with self._bus.listen(POKE, only={"owner": self.worker_id}) as messages:
            listening.set()
            async for message in messages:
                driver = self._driving.get(message.attributes.get("execution", ""))
                if driver is not None:
                    driver.poke()

    async def stop(self, grace: timedelta) -> None:
        """Takes nothing more, and waits until what it drives is handed back: where others can go on with it, when its running steps
        have ended; what takes longer than two thirds of the time is interrupted.
        """
        self._stopping = True
        self._reminders.cancel()
        self._moved.set()
        self._leaving.set()
        seconds = grace.total_seconds()
        late = set(self._tasks)
        if not self._exclusive and late:
            for driver in self._driving.values():
                driver.drain()
            _, late = await asyncio.wait(late, timeout=seconds * 2 / 3)
            seconds /= 3
        for driver in self._driving.values():
            driver.stop()
        if late:
            _, late = await asyncio.wait(late, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def offer(self, ready: Ready) -> None:
        """An execution that somebody should look at. What is driven already is told to look itself."""
        driver = self._driving.get(ready.execution_id)
        if driver is not None:
            self._told[ready.execution_id] = ready
            driver.poke()
        elif not self._stopping and ready.execution_id not in self._unreadable:
            self._queue.put(ready)
            self.fill()

    def offer_brief(self, ready: Ready) -> None:
        """One that needs no room in its lane: it is ended at once, since its deadline passed in the line, or has ended, and the rest
        is to be done.
        """
        if (
            ready.execution_id not in self._claimed
            and not self._stopping
            and ready.execution_id not in self._unreadable
            and len(self._claimed) < 2 * self._capacity
        ):
            outside = msgspec.structs.replace(ready, lane=NO_LANE)
            self._drive(outside, self._found(outside))

    def limits(self, lane: str) -> bool:
        """Whether the lane has a limit."""
        return self._lanes.limits(lane)

    def lose(self, lane: str) -> None:
        """A slot of the lane is somebody else's by now: one of its executions is handed back, and waits for another."""
        for execution_id, driver in self._driving.items():
            if self._claimed.get(execution_id) == lane and not driver.leaving:
                driver.stop()
                return

    def takes(self, lane: str, most: int) -> int:
        """How many executions of the lane to look for. Where there are other workers, no more are read than could begin here; of a
        lane with a limit, or where some wait here already, the first ones, so that the highest priority begins first, wherever its
        hint went.
        """
        if self._exclusive:
            return most
        room = self._capacity - len(self._claimed)
        if self.limits(lane):
            return min(most, room, LOOKED_AT)
        return FIRST_FEW if self._queue.holds(lane) else min(most, room)

    def refresh(self, lane: str) -> None:
        """What waits in a lane was read again: what is known of one with a limit may have begun or ended elsewhere."""
        if not self._exclusive and self.limits(lane):
            self._queue.clear(lane)

    # -------------------------------------------------------------- new executions

    async def start(self, new: NewExecution) -> bool:
        state = new.execution.state
        ready = Ready(tenant=state.tenant, execution_id=state.id, lane=state.lane, priority=state.priority)
        if not self._admits(ready, new.blank):
            return False
        created: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._drive(ready, self._created(new, created))
        await created
        return True

    def _admits(self, ready: Ready, blank: Stored) -> bool:
        """Takes a slot in its lane if so. One whose id is claimed already is being created twice: the store will say so."""
        return (
            self.has_room
            and not self._queue.holds(ready.lane)
            and ready.execution_id not in self._claimed
            and _claimable(blank, self._clock())
            and self._lanes.take(ready.lane)
        )

    async def _created(self, new: NewExecution, created: "asyncio.Future[None]") -> Stored | None:
        """`created` tells the caller what became of the commit, unless it has given up by then."""
        driver = self._driver_of(new.blank)
        try:
            await driver.create(new)
        except BaseException as error:
            if isinstance(error, Exception) and not created.done():
                created.set_exception(error)
                if isinstance(error, Unavailable) and not self._exclusive:
                    raise  # what was reported as failed may have been written all the same: it is looked for
                return None
            created.cancel()
            raise
        if not created.done():
            created.set_result(None)
        return await self._driven(driver)

    # -------------------------------------------------------------- hints

    async def _on_wake(self, message: Message) -> None:
        """Where there are other workers, what this one has no room for stays with the bus, which counts it. Not what waits for a slot
        of its lane: more workers would not help it, and it must not keep others waiting. The sweep reads the first of these again.
        """
        wake = _wake.decode(message.body)
        if not self._exclusive and self.limits(wake.lane):
            if self._queue.size(wake.lane) >= LOOKED_AT:
                return
        else:
            await self._room_for_hints()
        if self._stopping and not self._exclusive:
            raise Unavailable("this worker is stopping; the hint is for another one")
        self.offer(Ready(tenant=wake.tenant, execution_id=wake.execution_id, lane=wake.lane, priority=wake.priority))

    async def _room_for_hints(self) -> None:
        while not self._exclusive and not self._stopping:
            limited = sum(self._queue.size(lane) for lane in self._lanes.limited)
            if len(self._queue) - limited < HINTS_HELD * self._capacity:
                return
            self._moved.clear()
            await self._moved.wait()

    # -------------------------------------------------------------- driving

    def fill(self) -> None:
        """Begins with what waits, as far as there is room for it."""
        while len(self._claimed) < self._capacity and not self._stopping:
            ready = self._queue.take(self._lanes.take)
            if ready is None:
                return
            self._moved.set()
            if ready.execution_id in self._claimed:
                self._told[ready.execution_id] = ready
                self._lanes.give_back(ready.lane)
                continue
            self._drive(ready, self._found(ready))

    def _drive(self, ready: Ready, driven: Coroutine[Any, Any, Stored | None]) -> None:
        """Holds the slot that was taken in its lane until that is done."""
        self._claimed[ready.execution_id] = ready.lane
        task = asyncio.create_task(self._looked_after(ready, driven))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _looked_after(self, ready: Ready, driven: Coroutine[Any, Any, Stored | None]) -> None:
        stored: Stored | None = None
        try:
            stored = await driven
        except (Fenced, Conflict):
            _log.info("execution %s is driven by somebody else", ready.execution_id)
        except NotFound:
            _log.info("execution %s is gone", ready.execution_id)
        except IncompatibleData as error:
            _log.error("execution %s is left to workers of another version: %s", ready.execution_id, error)  # a refusal
            self._unreadable.rest(ready.execution_id, UNREADABLE_SECONDS)
        except Unavailable as error:
            _log.warning("execution %s could not be driven: %s", ready.execution_id, error)
            if not self._stopping:
                self._reminders.remind(ready, UNAVAILABLE_SECONDS)
        except Exception:  # noqa: BLE001
            # A defect, or a log that this version cannot read. The execution is left as it is; other executions go on.
            _log.exception(
                "execution %s cannot be driven; it is tried again when its lease runs out", ready.execution_id
            )
        finally:
            self._driving.pop(ready.execution_id, None)
            self._claimed.pop(ready.execution_id, None)
            self._lanes.give_back(ready.lane)
        told = self._told.pop(ready.execution_id, None)
        if stored is not None:
            self._look_again(ready, stored)
            if told is not None and not self._exclusive and not stored.state.terminal:
                self.offer(told)  # the hint may be about what was written while it was let go
        self.fill()

    async def _found(self, ready: Ready) -> Stored | None:
        """The execution after it was driven as far as it goes; None where somebody else holds its lease."""
        stored = await self._journal.load(ready.tenant, ready.execution_id)
        now = self._clock()
        if self._stopping:
            return None
        if stored.state.terminal:
            await self._follow_up(stored)
            return None
        if stored.lease is not None and not self._void(stored, now):
            return None
        if stored.lease is None and not _claimable(stored, now):
            return stored
        return await self._driven(self._driver_of(stored))

    def _driver_of(self, stored: Stored) -> Driver:
        driver = Driver(
            stored,
            owner=self.worker_id,
            journal=self._journal,
            runner=self._runner,
            clock=self._clock,
            exclusive=self._exclusive,
            log_limit=self._log_limit,
            lease=self._lease,
        )
        self._driving[stored.state.id] = driver
        if self._stopping:
            driver.stop()
        return driver

    async def _driven(self, driver: Driver) -> Stored:
        await driver.run()
        if driver.stored.state.terminal and driver.stored.todo:
            await self._follow_up(driver.stored)
        return driver.stored

    async def _follow_up(self, ended: Stored) -> None:
        state = ended.state
        done = await self._aftermath.carry_out(ended)
        just_now = state.finished_at is not None and self._clock() - state.finished_at < JUST_NOW
        if not done and just_now:
            ready = Ready(tenant=state.tenant, execution_id=state.id, lane=state.lane, priority=state.priority)
            self._reminders.remind(ready, AGAIN_SECONDS)

    def _void(self, stored: Stored, now: datetime) -> bool:
        """A lease that nobody holds: run out, left over by a former process where this is the only one, or by this worker itself,
        which does not drive the execution any more.
        """
        assert stored.lease is not None
        return stored.lease.until <= now or self._exclusive or stored.lease.owner == self.worker_id

    def _look_again(self, ready: Ready, stored: Stored) -> None:
        """What is due soon is not left to the sweep; what changed while it was let go is looked at at once."""
        known = self._journal.known(ready.tenant, ready.execution_id)
        if known is not None and known.rev > stored.rev:
            self.offer(ready)
            return
        due = next_due(stored.execution)
        if due is None or self._stopping:
            return
        seconds = (due - self._clock()).total_seconds()
        if seconds <= NEAR_SECONDS:
            self._reminders.remind(ready, max(seconds, 0.0))


def _claimable(stored: Stored, now: datetime) -> bool:
    """Whether a claim now would find something to do."""
    state = stored.state
    if state.status is ExecutionStatus.QUEUED:
        in_time = state.not_before is None or state.not_before <= now
        overdue = state.deadline is not None and state.deadline <= now
        return (state.admitted and in_time) or overdue
    if state.status is ExecutionStatus.RUNNING:
        return True
    due = next_due(stored.execution)
    return due is not None and due <= now
