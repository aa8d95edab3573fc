"""Drives one execution while its lease is held: runs what was started, decides on what comes back, commits, and lets go.

An actor: commands gather in a mailbox while a commit is under way and are decided together for the next one, so that at most one
commit of an execution is in flight in a process.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from engine.domain.errors import Unavailable
from engine.domain.events import DurableEvent, EphemeralEvent, StepStarted
from engine.domain.execution import Command, Execution, decide, next_due
from engine.domain.execution.commands import Abort, Advance, Claim
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus
from engine.runtime.step_runner import StepRunner
from engine.storage.port import Conflict, Write
from engine.storage.repositories.head import Lease, Stored
from engine.usecases.journal import Clock, Journal
from engine.usecases.new_execution import NewExecution

LEASE = timedelta(seconds=60)
RENEW_AFTER = timedelta(seconds=20)
REREAD_SECONDS = 5.0
LIVE_EVERY_SECONDS = 0.02
"""Ephemeral events are gathered for so long before they are sent."""
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 0.1, 5.0
_IDLE = (ExecutionStatus.WAITING, ExecutionStatus.PAUSED)

_log = logging.getLogger(__name__)


class Fenced(Exception):
    """Somebody else holds the lease now; whatever was not committed is theirs to do again."""


class Driver:
    """`run` returns when the execution has ended, waits, was paused or was lost; `stored` is then the last state known."""

    def __init__(
        self,
        stored: Stored,
        *,
        owner: str,
        journal: Journal,
        runner: StepRunner,
        clock: Clock,
        exclusive: bool,
        log_limit: int,
    ) -> None:
        self.stored = stored
        self.execution: Execution = stored.execution
        self.meter = runner.meter(stored.state.usage)
        self.clock = clock
        self._owner = owner
        self._journal = journal
        self._runner = runner
        self._exclusive = exclusive
        self._log_limit = log_limit
        self._lease = Lease(owner=owner, epoch=stored.epoch + 1, until=clock() + LEASE)
        self._claimed = False
        self._held = False
        self._mailbox: list[Command] = []
        self._live: list[EphemeralEvent] = []
        self._mail = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._tasks: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._poked = False
        self._stopping = False

    # -------------------------------------------------------------- what others tell it

    def post(self, command: Command) -> None:
        self._mailbox.append(command)
        self._mail.set()

    def live(self, event: EphemeralEvent) -> None:
        if not self._live:
            asyncio.get_running_loop().call_later(LIVE_EVERY_SECONDS, self._mail.set)
        self._live.append(event)

    def poke(self) -> None:
        """Somebody may have written to the execution."""
        self._poked = True
        self._mail.set()

    def stop(self) -> None:
        """Hand the execution back: running steps are cancelled, and tried again by whoever claims it next."""
        self._stopping = True
        self._mail.set()

    # -------------------------------------------------------------- the actor

    async def create(self, new: NewExecution) -> None:
        """Creates the execution that it was made for, claimed, in one commit; `run` goes on with it. Raises `Conflict`, `Unavailable`."""
        at = self.clock()
        decision = decide(new.execution, Claim(worker=self._owner), at)
        await self._commit([*new.events, *decision.events], decision.execution, at, writes=new.writes)
        self._claimed = True
        self._go_on(decision.events, more=decision.more)

    async def run(self) -> None:
        """Claims the execution and drives it. Raises `Fenced`, or what the store raised if it stayed unavailable beyond the lease."""
        try:
            if not self._claimed:
                await self._turn([Claim(worker=self._owner)])
            while self._held:
                await self._wait_for_mail()
                if self._stopping:
                    await self._hand_back()
                    return
                await self._send_live()
                commands = self._drain()
                if self._poked or not commands:
                    commands.append(Advance())
                await self._turn(commands)
        finally:
            self._cancel_alarm()
            await self._cancel_tasks()

    async def _wait_for_mail(self) -> None:
        """Until there is something to do: mail, a timer, or the lease to renew."""
        if not self._mail.is_set():
            self._set_alarm()
            await self._mail.wait()
        self._mail.clear()

    def _set_alarm(self) -> None:
        """Only where none rings in time. One that rings too early finds nothing to do, which is cheaper than a new one each turn."""
        loop = asyncio.get_running_loop()
        when = loop.time() + self._seconds_to_next()
        if self._alarm is not None and loop.time() < self._alarm_at <= when:
            return
        self._cancel_alarm()
        # The moment is kept here: what uvloop gives for one that is past already cannot be asked for it.
        self._alarm_at = when
        self._alarm = loop.call_at(when, self._mail.set)

    def _cancel_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _seconds_to_next(self) -> float:
        now = self.clock()
        renew = (self._lease.until - (LEASE - RENEW_AFTER) - now).total_seconds()
        due = next_due(self.execution)
        waits = [renew, (due - now).total_seconds() if due else renew]
        if not self._exclusive:
            waits.append(REREAD_SECONDS)
        return max(0.0, min(waits))

    def _drain(self) -> list[Command]:
        commands, self._mailbox = self._mailbox, []
        return commands

    async def _turn(self, commands: list[Command]) -> None:
        """Decides on the commands and commits; again from the start if somebody else wrote meanwhile."""
        back_off = _FIRST_BACK_OFF
        while True:
            stale = self._poked or (not self._exclusive and self._held)
            if stale and await self._catch_up():
                commands = [*commands, Advance()]
            at = self.clock()
            events, after, more = self._decide(commands, at)
            try:
                await self._commit(events, after, at)
            except Conflict:
                self._journal.forget(self.stored.state.tenant, self.stored.state.id)
                self._poked = True
                commands = [*commands, Advance()]
                continue
            except Unavailable as error:
                if not self._exclusive and at >= self._lease.until:
                    raise
                _log.warning("execution %s: not recorded yet: %s", after.state.id, error)
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2, _LONGEST_BACK_OFF)
                continue
            break
        self._go_on(events, more=more)

    def _go_on(self, events: Sequence[DurableEvent], *, more: bool) -> None:
        """After a commit."""
        self._cancel_superseded()
        if self._held:
            self._launch(events)
            if more:
                self.post(Advance())

    def _decide(self, commands: list[Command], at: datetime) -> tuple[list[DurableEvent], Execution, bool]:
        events: list[DurableEvent] = []
        after, more = self.stored.execution, False
        for command in commands:
            decision = decide(after, command, at)
            events.extend(decision.events)
            after, more = decision.execution, more or decision.more
        if after.state.seq > self._log_limit and not after.state.terminal and after.state.ending is None:
            message = f"the log has {after.state.seq:,} events; the limit is {self._log_limit:,}"
            failure = Failure(kind=FailureKind.TASK, code="log_limit", message=message, retryable=False)
            decision = decide(after, Abort(failure=failure), at)
            events.extend(decision.events)
            after = decision.execution
        return events, after, more

    async def _commit(
        self, events: Sequence[DurableEvent], after: Execution, at: datetime, writes: Sequence[Write] = ()
    ) -> None:
        """Keeps the lease while there is something to do, and renews it on the way."""
        keep = not after.state.terminal and not _idle(after)
        renewed = Lease(owner=self._owner, epoch=self._lease.epoch, until=at + LEASE)
        current = self._held and self._lease.until - at > LEASE - RENEW_AFTER
        if not events and keep and current:
            return
        lease = (self._lease if current else renewed) if keep else None
        self.stored = await self._journal.append(self.stored, events, after, at, lease=lease, writes=writes)
        self.execution = self.stored.execution
        self._held = keep
        if lease is not None:
            self._lease = lease

    async def _catch_up(self) -> bool:
        """Reads what others wrote, and says whether there was anything. Raises `Fenced` if one of them took the lease."""
        self._poked = False
        state = self.stored.state
        if not self._exclusive:
            self._journal.forget(state.tenant, state.id)
        fresh = await self._journal.load(state.tenant, state.id)
        if fresh.rev == self.stored.rev:
            return False
        if self._held and (fresh.lease is None or fresh.lease.epoch != self._lease.epoch) and not fresh.state.terminal:
            raise Fenced(state.id)
        self.stored = fresh
        self.execution = fresh.execution
        if fresh.state.terminal:
            self._held = False
        return True

    # -------------------------------------------------------------- running steps

    def _launch(self, events: Sequence[DurableEvent]) -> None:
        for path in {event.step_id: None for event in events if isinstance(event, StepStarted) and not event.watched}:
            run = self.execution.runs[path]
            if run.status is StepStatus.RUNNING and run.fan is None:
                task = asyncio.create_task(self._runner.run(self, path, run.attempt, self._lease.epoch))
                self._tasks[path] = (run.attempt, task)
                task.add_done_callback(self._forget(path, task))

    def _forget(self, path: str, task: asyncio.Task[None]) -> Callable[[object], None]:
        def forget(_: object) -> None:
            if self._tasks.get(path, (0, None))[1] is task:
                del self._tasks[path]

        return forget

    def _cancel_superseded(self) -> None:
        """Tasks whose step was cancelled, timed out or ended by somebody else."""
        for path, (attempt, task) in list(self._tasks.items()):
            run = self.execution.runs.get(path)
            if run is None or run.status is not StepStatus.RUNNING or run.attempt != attempt:
                task.cancel()

    async def _cancel_tasks(self) -> None:
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hand_back(self) -> None:
        """What was reported by now is still recorded."""
        await self._cancel_tasks()
        at = self.clock()
        events, after, _ = self._decide(self._drain(), at)
        try:
            self.stored = await self._journal.append(self.stored, events, after, at, lease=None)
        except Conflict:
            _log.info("execution %s was changed while it was handed back; its lease runs out", self.stored.state.id)
        self._held = False

    async def _send_live(self) -> None:
        if self._live:
            events, self._live = self._live, []
            await self._journal.publish_live(self.stored, events)


def _idle(execution: Execution) -> bool:
    """Nothing to do until something comes from outside."""
    if execution.state.status not in _IDLE:
        return False
    return not any(
        run.status is StepStatus.RUNNING and run.fan is None
        for run in (execution.runs[path] for path in execution.open)
    )
