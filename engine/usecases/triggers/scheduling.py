"""Fire a schedule that is due. What fires and how far the schedule has come are one commit, so each of its times fires once,
however many processes look at the clock.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from engine.domain.errors import InvalidState, NotFound, Unavailable, WeftError
from engine.domain.execution.commands import Cancel
from engine.domain.expressions import ExpressionFailed, Scope, condition
from engine.domain.failure import Failure
from engine.domain.ids import EXECUTION, derive
from engine.domain.status import ExecutionStatus, FailureKind
from engine.domain.triggers.cloud_event import delivery_id
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.domain.triggers.schedule import fires
from engine.domain.triggers.trigger import OverlapPolicy, ScheduleSource, TriggerStatus
from engine.storage.port import Conflict, Delete, Write
from engine.storage.repositories.head import execution_path
from engine.storage.repositories.triggers import (
    Schedule,
    StoredSchedule,
    StoredTrigger,
    schedule_path,
    schedule_put,
)
from engine.usecases.services import Services
from engine.usecases.start_execution import create
from engine.usecases.triggers.acting import scheduled_event
from engine.usecases.triggers.changing import due, paused
from engine.usecases.triggers.deliver import failed, record, tell, write_of
from engine.usecases.triggers.starting import caller_of, prepare_started

CATCH_UP_WINDOW = timedelta(minutes=1)
"""Of a schedule that says nothing of it: a restart makes nothing late enough to be left out."""
LATE = timedelta(seconds=10)
"""By so much at most a process is late that does nothing but fire: nobody's window is shorter."""
LOOK_AGAIN = timedelta(seconds=1)
"""While a time waits for the former execution to end."""
_O = DeliveryOutcome
_log = logging.getLogger(__name__)
_FAILED = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)


Due = StoredSchedule
"""A schedule that has something to fire."""


class _Former(NamedTuple):
    """The newest execution of a schedule."""

    execution_id: str | None
    status: ExecutionStatus | None

    @property
    def running(self) -> bool:
        return self.status is not None and not self.status.terminal


async def fire(
    services: Services, due_one: StoredSchedule, *, noticed: datetime | None = None
) -> StoredSchedule | None:
    """One of its times. What the schedule is then, or None where there is nothing more to do with it now.

    `noticed` is when this process saw that it is due, now unless given: what has waited for its turn since then is not too late by that.
    Raises `Conflict` where somebody else was quicker, and `Unavailable`.
    """
    tenant, schedule = due_one.tenant, due_one.schedule
    (stored,) = await services.triggers.by_id(tenant, [schedule.trigger_id])
    if stored is None or not isinstance(stored.trigger.source, ScheduleSource):
        await services.deliveries.commit([Delete(path=schedule_path(tenant, schedule.trigger_id), if_rev=due_one.rev)])
        return None
    if stored.trigger.status is TriggerStatus.PAUSED:
        await _put(services, due_one, replace(schedule, due_at=None))
        return None
    firing = _Firing(services, stored, stored.trigger.source, due_one, noticed)
    return await firing.run()


async def bring_back(services: Services, ahead: StoredSchedule) -> None:
    """A schedule that a clock which was wrong took into the future goes on with the next time from now. Those that fired already do not
    fire again: what they start has its id by the time. Raises `Conflict`, `Unavailable`.
    """
    tenant, schedule = ahead.tenant, ahead.schedule
    (stored,) = await services.triggers.by_id(tenant, [schedule.trigger_id])
    if stored is None or not isinstance(stored.trigger.source, ScheduleSource) or schedule.waiting is not None:
        return
    next_ = next(fires(stored.trigger.source, services.clock(), anchor=stored.trigger.created_at), None)
    if next_ is not None and schedule.next is not None and next_ < schedule.next:
        await _put(services, ahead, replace(schedule, next=next_, due_at=due(stored.trigger, next_)))


class _Firing:
    def __init__(
        self,
        services: Services,
        stored: StoredTrigger,
        source: ScheduleSource,
        due_one: StoredSchedule,
        noticed: datetime | None,
    ) -> None:
        self._services = services
        self._stored = stored
        self._trigger = stored.trigger
        self._source = source
        self._before = due_one
        self._schedule = due_one.schedule
        self._now = services.clock()
        self._noticed = noticed or self._now

    async def run(self) -> StoredSchedule | None:
        former = await self._former()
        if self._source.pause_on_failure and former.status in _FAILED:
            because = f"execution {former.execution_id} {former.status}"
            parked = replace(self._schedule, due_at=None)
            await self._services.triggers.save(
                self._stored, paused(self._trigger, because), None, [self._write(parked)]
            )
            return None
        if self._schedule.waiting is not None and not former.running:
            after = replace(self._schedule, waiting=None, due_at=due(self._trigger, self._schedule.next))
            unwanted = self._unwanted(self._schedule.waiting)
            return await (self._record(unwanted, after) if unwanted else self._start(self._schedule.waiting, after))
        time = self._in_time()
        if time is None or self._fires_at(time) > self._now:
            again = self._look_again() if self._schedule.waiting else due(self._trigger, time)
            return await self._put_on(replace(self._schedule, next=time, due_at=again))
        return await self._fire(time, former)

    async def _fire(self, time: datetime, former: _Former) -> StoredSchedule | None:
        following = next(fires(self._source, time, anchor=self._trigger.created_at), None)
        after = replace(self._schedule, next=following, due_at=due(self._trigger, following), last=time)
        unwanted = self._unwanted(time)
        if unwanted is not None:
            return await self._record(unwanted, self._still_waiting(after))
        if former.running and self._source.overlap is not OverlapPolicy.ALLOW:
            if self._source.overlap is OverlapPolicy.BUFFER_ONE and self._schedule.waiting is None:
                return await self._put_on(replace(after, waiting=time, due_at=self._look_again()))
            if self._source.overlap is not OverlapPolicy.CANCEL_RUNNING:
                skipped = replace(self._delivery(time), outcome=_O.SKIPPED_OVERLAP)
                return await self._record(skipped, self._still_waiting(after))
            return await self._start(time, after, instead_of=former)
        return await self._start(time, after)

    def _still_waiting(self, after: Schedule) -> Schedule:
        return after if self._schedule.waiting is None else replace(after, due_at=self._look_again())

    def _look_again(self) -> datetime:
        return self._now + LOOK_AGAIN

    def _in_time(self) -> datetime | None:
        """The first time that is not too late to be made up for. Whoever fires is a little late itself."""
        source, anchor = self._source, self._trigger.created_at
        window = CATCH_UP_WINDOW if source.catch_up_window is None else source.catch_up_window
        earliest = self._noticed - max(window, LATE)
        time = self._schedule.next
        if time is None or self._fires_at(time) >= earliest:
            return time
        just_before = earliest - (source.jitter or timedelta(0)) - timedelta(microseconds=1)
        later = fires(source, max(time, just_before), anchor=anchor)
        found = next((each for each in later if self._fires_at(each) >= earliest), None)
        _log.warning(
            "trigger %s: times from %s on are left out, since they are beyond its catch-up window",
            self._trigger.name,
            time,
        )
        return found

    def _fires_at(self, time: datetime) -> datetime:
        at = due(self._trigger, time)
        assert at is not None  # of a schedule, every time has one
        return at

    async def _former(self) -> _Former:
        execution_id = self._schedule.execution_id
        if execution_id is None:
            return _Former(None, None)
        view = await self._services.executions.view(self._stored.tenant, execution_id)
        return _Former(execution_id, view.state.status if view else None)

    async def _cancel(self, former: _Former) -> None:
        assert former.execution_id is not None
        command = Cancel(reason=f"trigger {self._trigger.name!r} fired again", actor=f"trigger:{self._trigger.name}")
        try:
            await self._services.journal.change(self._stored.tenant, former.execution_id, command)
        except (InvalidState, NotFound):
            return  # it ended by itself

    def _unwanted(self, time: datetime) -> Delivery | None:
        """What is recorded of a time whose condition does not hold."""
        delivery = self._delivery(time)
        try:
            scope = Scope({"event": delivery.event.as_value()}, now=self._now)
            wanted = self._trigger.condition is None or condition(self._trigger.condition, scope)
        except ExpressionFailed as error:
            failure = Failure(kind=FailureKind.TASK, code="expression_failed", message=error.message, retryable=False)
            return replace(delivery, failure=failure)
        return None if wanted else replace(delivery, outcome=_O.FILTERED)

    async def _start(
        self, time: datetime, after: Schedule, *, instead_of: _Former | None = None
    ) -> StoredSchedule | None:
        """What runs already is cancelled once it is known that the new one can run."""
        delivery = self._delivery(time)
        execution_id = derive(EXECUTION, delivery.id)
        tried = replace(delivery, attempts=1)
        started = replace(tried, outcome=_O.STARTED, execution_id=execution_id)
        going_on = replace(after, execution_id=execution_id)
        try:
            prepared = await prepare_started(self._services, self._stored, delivery.event.as_value(), depth=0)
            if instead_of is not None:
                await self._cancel(instead_of)
            writes = [write_of(self._services, started, rev=None), self._write(going_on)]
            await create(self._services, caller_of(self._stored), execution_id, prepared, writes)
        except Conflict as conflict:
            if conflict.document != execution_path(self._stored.tenant, execution_id):
                raise
            return await self._put_on(going_on)  # it was fired before, by hand of a backfilled or restored schedule
        except Unavailable:
            raise
        except WeftError as error:
            tried = failed(self._services, self._trigger, tried, error)
            return await self._record(tried, after if tried.dead else going_on)  # which a later try may start
        tell(self._services, started)
        return self._stored_as(going_on)

    def _delivery(self, time: datetime) -> Delivery:
        event = scheduled_event(self._trigger, time)
        return Delivery(
            id=delivery_id(self._trigger.id, event),
            tenant=self._stored.tenant,
            trigger_id=self._trigger.id,
            at=self._now,
            event=event,
            outcome=_O.FAILED,
            via=event.id,
        )

    async def _record(self, delivery: Delivery, after: Schedule) -> StoredSchedule | None:
        await record(self._services, delivery, rev=None, writes=[self._write(after)])
        return self._stored_as(after)

    async def _put_on(self, after: Schedule) -> StoredSchedule | None:
        await _put(self._services, self._before, after)
        return self._stored_as(after)

    def _write(self, after: Schedule) -> Write:
        return schedule_put(self._stored.tenant, after, if_rev=self._before.rev)

    def _stored_as(self, after: Schedule) -> StoredSchedule:
        return StoredSchedule(self._before.rev + 1, self._stored.tenant, after)


async def _put(services: Services, before: StoredSchedule, after: Schedule) -> None:
    writes: Sequence[Write] = [schedule_put(before.tenant, after, if_rev=before.rev)]
    await services.deliveries.commit(writes)
