"""The engine's own events: what becomes of executions, for triggers that take it.

Such an event is stored in the commit that it tells of, so none is lost and none is made up; and only where a trigger wants it.
"""

import time
from collections.abc import Callable
from datetime import datetime

from engine.domain.execution import State
from engine.domain.ids import derive
from engine.domain.status import ExecutionStatus
from engine.domain.triggers.cloud_event import DEPTH, CloudEvent
from engine.domain.triggers.trigger import EventSource, TriggerKind, TriggerStatus
from engine.storage.repositories.deliveries import Received
from engine.storage.repositories.triggers import TriggerRepository

KNOWN_SECONDS = 5.0
"""Where other processes write triggers too: how long it takes until all of them know a new one."""
TYPES = {
    ExecutionStatus.SUCCEEDED: "weft.execution.succeeded",
    ExecutionStatus.FAILED: "weft.execution.failed",
    ExecutionStatus.TIMED_OUT: "weft.execution.failed",
    ExecutionStatus.CANCELLED: "weft.execution.cancelled",
    ExecutionStatus.WAITING: "weft.execution.waiting",
}


class Announcer:
    def __init__(
        self, triggers: TriggerRepository, *, exclusive: bool, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._triggers = triggers
        self._exclusive = exclusive
        self._monotonic = monotonic
        self._known: dict[str, tuple[int, float, tuple[EventSource, ...]]] = {}
        """By tenant: the sources of its triggers, as of which change, and when that was."""

    async def announced(self, before: State, after: State, at: datetime) -> Received | None:
        """What is to be stored with a commit that takes an execution from one state to another. Raises `Unavailable`."""
        type_ = TYPES.get(after.status)
        if type_ is None or after.status is before.status:
            return None
        if not any(source.takes(type_) for source in await self._sources(after.tenant)):
            return None
        event = CloudEvent(
            id=derive("ev", after.id, str(after.seq)),
            source=f"/workflows/{after.workflow}/executions/{after.id}",
            type=type_,
            subject=after.id,
            time=at,
            datacontenttype="application/json",
            data=_data(after),
            extensions={**after.trace, DEPTH: after.depth + 1},
        )
        return Received(id=derive("in", event.id), tenant=after.tenant, event=event, due_at=at)

    async def _sources(self, tenant: str) -> tuple[EventSource, ...]:
        now, changes = self._monotonic(), self._triggers.changes
        known = self._known.get(tenant)
        if known is not None and known[0] == changes and (self._exclusive or now - known[1] < KNOWN_SECONDS):
            return known[2]
        stored = await self._triggers.all_of(TriggerKind.EVENT, tenant=tenant)
        enabled = [each.trigger for each in stored if each.trigger.status is TriggerStatus.ENABLED]
        sources = tuple(each.source for each in enabled if isinstance(each.source, EventSource))
        self._known[tenant] = changes, now, sources
        return sources


def _data(state: State) -> dict[str, object]:
    """Without input and output, which may be large: whoever needs them reads the execution."""
    failure = state.failure
    return {
        "executionId": state.id,
        "workflow": state.workflow,
        "version": state.version,
        "status": state.status.value,
        "labels": state.labels,
        "triggerId": state.trigger_id,
        "failure": {"kind": failure.kind.value, "code": failure.code, "message": failure.message} if failure else None,
    }
