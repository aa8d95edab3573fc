"""Drives one execution while its lease is held: runs what was started, decides on what comes back, commits, and lets go.

An actor: commands gather in a mailbox while a commit is under way and are decided together for the next one, so that at most one
commit of an execution is in flight in a process.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from engine.domain.errors import PayloadTooLarge, Unavailable
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
"""Unless the settings say otherwise. A lease is renewed when a third of it is over."""
REREAD_SECONDS = 5.0
"""How often an owner looks whether somebody else wrote, where a hint may have been lost."""
LIVE_EVERY_SECONDS = 0.02
"""Ephemeral events are gathered for so long before they are sent."""
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 0.1, 5.0
_HAND_BACK_TRIES = 10
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
        lease: timedelta = LEASE,
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
        self._length = lease
        self._lease = Lease(owner=owner, epoch=stored.epoch + 1, until=clock() + lease)
        self._claimed = False
        self._held = False
        self._mailbox: list[Command] = []
        self._live: list[EphemeralEvent] = []
        self._mail = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._tasks: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._reread_at = asyncio.get_running_loop().time() + REREAD_SECONDS
        self._unsure = False
        """Whether steps may have been begun by a commit that was reported as failed."""
        self._poked = False
        self._draining = False
        self._stopping = False

    # -------------------------------------------------------------- what others tell it

    def post(self, command: Command) -> None:
        self._mailbox.append(command)
        self._mail.set()

    def live(self, event: EphemeralEvent) -> None:
        if not self._live:
            asyncio.get_running_loop().call_later(LIVE_EVERY_SECONDS, self._mail.set)
        self._live.append(event)

    def in_force(self) -> bool:
        """Whether the lease is. Where others could take it, it is not any more once it ran out: this process stood still."""
        return self._exclusive or self.clock() < self._lease.until

    def poke(self) -> None:
        """Somebody may have written to the execution."""
        self._poked = True
        self._mail.set()

    def drain(self) -> None:
        """Hand the execution back as soon as no step runs any more; nothing further is begun."""
        self._draining = True
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
                if self._stopping or (self._draining and not self._tasks):
                    await self._hand_back()
                    return
                self._send_live()
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
        renew = (self._lease.until - self._length * 2 / 3 - now).total_seconds()
        due = next_due(self.execution)
        waits = [renew, (due - now).total_seconds() if due else renew]
        if not self._exclusive:
            waits.append(self._reread_at - asyncio.get_running_loop().time())
        return max(0.0, min(waits))

    def _drain(self) -> list[Command]:
        commands, self._mailbox = self._mailbox, []
        return commands

    async def _turn(self, commands: list[Command]) -> None:
        """Decides on the commands and commits; again from the start if somebody else wrote meanwhile."""
        back_off = _FIRST_BACK_OFF
        while True:
            try:
                if self._stale() and await self._catch_up():
                    if self.stored.state.terminal:
                        _log.info("execution %s was ended by somebody else", self.stored.state.id)
                        break
                    commands = [*(each for each in commands if not (self._held and isinstance(each, Claim))), Advance()]
                at = self.clock()
                events, after, more = self._decide(commands, at)
                await self._commit(events, after, at)
            except Conflict:
                self._journal.forget(self.stored.state.tenant, self.stored.state.id)
                self._poked = True
                commands = [*commands, Advance()]
                continue
            except PayloadTooLarge as error:
                if any(isinstance(each, Abort) for each in commands):
                    raise
                commands = [Abort(failure=_too_large(error))]  # from what is stored, which fits
                continue
            except Unavailable as error:
                if not self._exclusive and self.clock() >= self._lease.until:
                    raise
                self._poked = not self._exclusive  # what was reported as failed may have been written all the same
                _log.warning("execution %s: not recorded yet: %s", self.stored.state.id, error)
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2, _LONGEST_BACK_OFF)
                continue
            self._go_on(events, more=more)
            return
        self._cancel_superseded()

    def _stale(self) -> bool:
        """Whether to look at what is stored before deciding. A lease that ran out may be somebody else's by now."""
        if self._poked:
            return True
        if self._exclusive or not self._held:
            return False
        return asyncio.get_running_loop().time() >= self._reread_at or self.clock() >= self._lease.until

    def _go_on(self, events: Sequence[DurableEvent], *, more: bool) -> None:
        """After a commit."""
        self._cancel_superseded()
        if self._held:
            self._launch(
                {event.step_id: None for event in events if isinstance(event, StepStarted) and not event.watched}
            )
            if self._unsure:
                self._unsure = False
                self._launch(self._forgotten())
            if more and not self._draining:
                self.post(Advance())

    def _decide(self, commands: list[Command], at: datetime) -> tuple[list[DurableEvent], Execution, bool]:
        events: list[DurableEvent] = []
        after, more = self.stored.execution, False
        for command in commands:
            decision = decide(after, command, at, begins=not self._draining)
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
        renewed = Lease(owner=self._owner, epoch=self._lease.epoch, until=at + self._length)
        current = self._held and self._lease.until - at > self._length * 2 / 3
        if not events and keep and current:
            return
        lease = (self._lease if current else renewed) if keep else None
        self.stored = await self._journal.append(self.stored, events, after, at, lease=lease, writes=writes)
        self.execution = self.stored.execution
        self._held = keep
        if lease is not None:
            self._lease = lease

    async def _catch_up(self) -> bool:
        """Reads what others wrote, and says whether there was anything. Raises `Fenced` if one of them has the lease."""
        self._poked = False
        self._reread_at = asyncio.get_running_loop().time() + REREAD_SECONDS
        fresh = await self._journal.reload(self.stored)
        if fresh.rev == self.stored.rev:
            return False
        ours = fresh.lease is not None and (fresh.lease.owner, fresh.lease.epoch) == (self._owner, self._lease.epoch)
        if not fresh.state.terminal and not ours:
            if self._held or self._taken(fresh):
                raise Fenced(fresh.state.id)
            self._lease = Lease(owner=self._owner, epoch=fresh.epoch + 1, until=self._lease.until)
        if ours and fresh.lease is not None:
            self._lease = fresh.lease
        self.stored = fresh
        self.execution = fresh.execution
        self._held = ours and not fresh.state.terminal
        self._unsure = True
        return True

    def _taken(self, fresh: Stored) -> bool:
        """Whether somebody else holds a lease that is in force; where this process is the only one, nobody else can."""
        return not self._exclusive and fresh.lease is not None and fresh.lease.until > self.clock()

    # -------------------------------------------------------------- running steps

    def _launch(self, paths: Iterable[str]) -> None:
        for path in paths:
            run = self.execution.runs[path]
            if run.status is StepStatus.RUNNING and run.fan is None:
                task = asyncio.create_task(self._runner.run(self, path, run.attempt, self._lease.epoch))
                self._tasks[path] = (run.attempt, task)
                task.add_done_callback(self._forget(path, task))

    def _forgotten(self) -> list[str]:
        """Steps that are recorded as running, and neither run here nor have reported."""
        reported = {getattr(command, "path", None) for command in self._mailbox}
        return [path for path in self.execution.open if path not in reported and not self._runs(path)]

    def _runs(self, path: str) -> bool:
        attempt, task = self._tasks.get(path, (0, None))
        return task is not None and attempt == self.execution.runs[path].attempt and not task.cancelling()

    def _forget(self, path: str, task: asyncio.Task[None]) -> Callable[[object], None]:
        def forget(_: object) -> None:
            if self._tasks.get(path, (0, None))[1] is task:
                del self._tasks[path]
                self._mail.set()

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
        """What was reported by now is still recorded; nothing is begun any more."""
        self._draining = True
        await self._cancel_tasks()
        commands = self._drain()
        for _ in range(_HAND_BACK_TRIES):
            at = self.clock()
            events, after, _ = self._decide(commands, at)
            try:
                self.stored = await self._journal.append(self.stored, events, after, at, lease=None)
                break
            except Conflict:
                self._journal.forget(self.stored.state.tenant, self.stored.state.id)
                if not await self._catch_up() or not self._held:
                    break
        else:
            _log.info("execution %s changes too fast to be handed back; its lease runs out", self.stored.state.id)
        self._held = False

    def _send_live(self) -> None:
        if self._live:
            events, self._live = self._live, []
            self._journal.publish_live(self.stored, events)


def _too_large(error: PayloadTooLarge) -> Failure:
    message = f"what is to be recorded does not fit into the store: {error.message}"
    return Failure(kind=FailureKind.TASK, code="state_too_large", message=message, retryable=False)


def _idle(execution: Execution) -> bool:
    """Nothing to do until something comes from outside."""
    if execution.state.status not in _IDLE:
        return False
    return not any(
        run.status is StepStatus.RUNNING and run.fan is None
        for run in (execution.runs[path] for path in execution.open)
    )
