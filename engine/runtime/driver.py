"""Drives one execution while its lease is held: runs what was started, decides on what comes back, commits, and lets go.

An actor: commands gather in a mailbox while a commit is under way and are decided together for the next one, so that at most one
commit of an execution is in flight in a process.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from engine.domain.errors import PayloadTooLarge, Unavailable
from engine.domain.events import DurableEvent, EphemeralEvent, StepStarted
from engine.domain.execution import Command, Execution, decide, next_due
from engine.domain.execution.commands import Abort, Advance, Claim
from engine.domain.failure import Failure
from engine.domain.status import FailureKind, StepStatus
from engine.runtime.step_runner import StepRunner
from engine.runtime.tenure import LEASE, Decided, Tenure
from engine.storage.port import Conflict
from engine.storage.repositories.decoding import IncompatibleData
from engine.storage.repositories.head import Stored
from engine.usecases.journal import Clock, Journal
from engine.usecases.new_execution import NewExecution

LIVE_EVERY_SECONDS = 0.02
"""Ephemeral events are gathered for so long before they are sent."""
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 0.1, 5.0
_HAND_BACK_TRIES = 10

_log = logging.getLogger(__name__)


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
        self.meter = runner.meter(stored.state.usage)
        self.clock = clock
        self._owner = owner
        self._journal = journal
        self._runner = runner
        self._log_limit = log_limit
        self._tenure = Tenure(stored, owner=owner, journal=journal, clock=clock, exclusive=exclusive, length=lease)
        self._claimed = False
        self._mailbox: list[Command] = []
        self._live: list[EphemeralEvent] = []
        self._mail = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._tasks: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._unlaunched = False
        """Whether steps are recorded as begun that were not launched yet."""
        self._draining = False
        self._stopping = False

    @property
    def stored(self) -> Stored:
        return self._tenure.stored

    @property
    def execution(self) -> Execution:
        return self._tenure.stored.execution

    # -------------------------------------------------------------- what others tell it

    def post(self, command: Command) -> None:
        self._mailbox.append(command)
        self._mail.set()

    def live(self, event: EphemeralEvent) -> None:
        if not self._live:
            asyncio.get_running_loop().call_later(LIVE_EVERY_SECONDS, self._mail.set)
        self._live.append(event)

    def in_force(self) -> bool:
        """Whether the lease is: this process may have stood still."""
        return self._tenure.in_force()

    def poke(self) -> None:
        """Somebody may have written to the execution."""
        self._tenure.poked = True
        self._mail.set()

    def drain(self) -> None:
        """Hand the execution back as soon as no step runs any more; nothing further is begun."""
        self._draining = True
        self._mail.set()

    @property
    def leaving(self) -> bool:
        """Whether it was told to hand the execution back."""
        return self._stopping or self._draining

    def stop(self) -> None:
        """Hand the execution back: running steps are cancelled, and tried again by whoever claims it next."""
        self._stopping = True
        self._mail.set()

    # -------------------------------------------------------------- the actor

    async def create(self, new: NewExecution) -> None:
        """Creates the execution that it was made for, claimed, in one commit; `run` goes on with it. Raises `Conflict`, `Unavailable`."""
        at = self.clock()
        decision = decide(new.execution, Claim(worker=self._owner), at)
        decided = Decided([*new.events, *decision.events], decision.execution, at, decision.more)
        await self._tenure.commit(decided, self._journal.new_mark(), writes=new.writes)
        self._claimed = True
        self._go_on(decided)

    async def run(self) -> None:
        """Claims the execution and drives it. Raises `Fenced`, or what the store raised if it stayed unavailable beyond the lease."""
        try:
            if not self._claimed:
                await self._turn([Claim(worker=self._owner)])
            while self._tenure.held:
                await self._wait_for_mail()
                if self._stopping or (self._draining and not self._tasks):
                    await self._hand_back()
                    return
                self._send_live()
                commands = self._drain()
                if self._tenure.poked or not commands:
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
        if self._alarm is not None and self._alarm_at <= when:
            return
        self._cancel_alarm()
        # The moment is kept here: what uvloop gives for one that is past already cannot be asked for it.
        self._alarm_at = when
        self._alarm = loop.call_at(when, self._ring)

    def _ring(self) -> None:
        """A loop may call this a little before the moment, which is no sign that the alarm is still to ring."""
        self._alarm = None
        self._mail.set()

    def _cancel_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _seconds_to_next(self) -> float:
        upkeep = self._tenure.seconds_to_upkeep()
        # While it drains, what is due is for whoever goes on.
        due = None if self._draining else next_due(self.execution)
        return max(0.0, min(upkeep, (due - self.clock()).total_seconds() if due else upkeep))

    def _drain(self) -> list[Command]:
        commands, self._mailbox = self._mailbox, []
        return commands

    async def _turn(self, commands: list[Command]) -> None:
        """Decides on the commands and commits; again from the start if somebody else wrote meanwhile."""
        tried: dict[str, Decided] = {}
        conflicts = 0
        back_off = _FIRST_BACK_OFF
        while True:
            try:
                await self._try(commands, tried)
            except Conflict:
                conflicts += 1
                if conflicts > 1:
                    await asyncio.sleep(self._journal.rest(conflicts))
                commands = commands if isinstance(commands[-1], Advance) else [*commands, Advance()]
            except IncompatibleData:
                raise
            except PayloadTooLarge as error:
                if any(isinstance(each, Abort) for each in commands):
                    raise
                commands = [Abort(failure=_too_large(error))]  # from what is stored, which fits
            except Unavailable as error:
                if not self.in_force():
                    raise
                # What was reported as failed may have been written all the same.
                self._tenure.poked = not self._tenure.exclusive
                _log.warning("execution %s: not recorded yet: %s", self.stored.state.id, error)
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2, _LONGEST_BACK_OFF)
            else:
                return

    async def _try(self, commands: list[Command], tried: dict[str, Decided]) -> None:
        """Once. `tried` has what earlier tries would have committed, by their marks: one of them may have been applied."""
        if self._tenure.stale and await self._tenure.catch_up(tried):
            applied = tried.get(self.stored.mark)
            if applied is not None:
                self._go_on(applied, behind=True)
                return
            if self.stored.state.terminal:
                _log.info("execution %s was ended by somebody else", self.stored.state.id)
                self._cancel_superseded()
                return
            commands = [*commands, Advance()]
        decided = self._decide(commands)
        mark = self._journal.new_mark()
        if mark is not None:
            tried[mark] = decided
        await self._tenure.commit(decided, mark)
        self._go_on(decided)

    def _go_on(self, decided: Decided, *, behind: bool = False) -> None:
        """After a commit. `behind`: others may have written since then."""
        self._cancel_superseded()
        if not self._tenure.held:
            return
        if not self.in_force():
            # This process stood still since. What it began is launched when it is known that nobody else took over.
            self._unlaunched = self._tenure.poked = True
            self._mail.set()
            return
        begun = {e.step_id: None for e in decided.events if isinstance(e, StepStarted) and not e.watched}
        self._launch(self._forgotten() if self._unlaunched or behind else begun)
        self._unlaunched = False
        if (decided.more or behind) and not self._draining:
            self.post(Advance())

    def _decide(self, commands: list[Command]) -> Decided:
        at = self.clock()
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
        return Decided(events, after, at, more)

    # -------------------------------------------------------------- running steps

    def _launch(self, paths: Iterable[str]) -> None:
        for path in paths:
            run = self.execution.runs[path]
            if run.status is StepStatus.RUNNING and run.fan is None:
                task = asyncio.create_task(self._runner.run(self, path, run.attempt, self._tenure.epoch))
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
            if self._tenure.stale and await self._tenure.catch_up() and not self._tenure.held:
                return
            try:
                await self._tenure.hand_back(self._decide(commands))
            except Conflict:
                self._tenure.poked = True
            else:
                return
        _log.info("execution %s changes too fast to be handed back; its lease runs out", self.stored.state.id)

    def _send_live(self) -> None:
        if self._live:
            events, self._live = self._live, []
            self._journal.publish_live(self.stored, events)


def _too_large(error: PayloadTooLarge) -> Failure:
    message = f"what is to be recorded does not fit into the store: {error.message}"
    return Failure(kind=FailureKind.TASK, code="state_too_large", message=message, retryable=False)
