"""Every event of the domain as its public type: one for each, of the same name."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import strawberry

from engine.domain import events as domain
from engine.domain.failure import Failure as DomainFailure
from engine.domain.failure import Usage as DomainUsage
from engine.domain.waiting import WaitingFor as DomainWaitingFor
from graphql_api.types import execution_events as execution
from graphql_api.types import step_events as step
from graphql_api.types.event import ExecutionEvent
from graphql_api.types.failure import Failure, Usage, WaitingFor
from graphql_api.types.pages import PageInfo, page_info

EVENT_TYPES: dict[type[domain.Event], type[ExecutionEvent]] = {
    domain.ExecutionQueued: execution.ExecutionQueued,
    domain.ExecutionAdmitted: execution.ExecutionAdmitted,
    domain.ExecutionStarted: execution.ExecutionStarted,
    domain.ExecutionStatusChanged: execution.ExecutionStatusChanged,
    domain.ExecutionEdited: execution.ExecutionEdited,
    domain.ExecutionSucceeded: execution.ExecutionSucceeded,
    domain.ExecutionFailed: execution.ExecutionFailed,
    domain.ExecutionTimedOut: execution.ExecutionTimedOut,
    domain.ExecutionCancelled: execution.ExecutionCancelled,
    domain.SignalReceived: execution.SignalReceived,
    domain.StepStarted: step.StepStarted,
    domain.StepSucceeded: step.StepSucceeded,
    domain.StepFailed: step.StepFailed,
    domain.StepRetryScheduled: step.StepRetryScheduled,
    domain.StepSkipped: step.StepSkipped,
    domain.StepCancelled: step.StepCancelled,
    domain.StepWaiting: step.StepWaiting,
    domain.StepResumed: step.StepResumed,
    domain.StepCompensated: step.StepCompensated,
    domain.ItemEnded: step.ItemEnded,
    domain.ModelCalled: step.ModelCalled,
    domain.CheckpointSaved: step.CheckpointSaved,
    domain.ToolCalled: step.ToolCalled,
    domain.ToolReturned: step.ToolReturned,
    domain.LogWritten: step.LogWritten,
    domain.StepProgressed: step.StepProgressed,
    domain.StepOutputDelta: step.StepOutputDelta,
}
_OWN_FIELDS = {
    public: tuple(field.name for field in fields(public) if field.name not in ("execution_id", "seq", "at"))
    for public in EVENT_TYPES.values()
}
_VALUES: dict[type, Callable[[Any], Any]] = {
    DomainFailure: Failure.of,
    DomainUsage: Usage.of,
    DomainWaitingFor: WaitingFor.of,
}


def public_event(execution_id: str, entry: domain.Entry) -> ExecutionEvent:
    """The fields of a public type have the names of the domain's; what the domain marks as internal they leave out."""
    event = entry.event
    public: Any = EVENT_TYPES[type(event)]
    own = {name: _public_value(getattr(event, name)) for name in _OWN_FIELDS[public]}
    shown: ExecutionEvent = public(execution_id=execution_id, seq=entry.seq, at=event.at, **own)
    return shown


def _public_value(value: Any) -> Any:
    shown = _VALUES.get(type(value))
    return shown(value) if shown else value


@strawberry.type(description="An event of a page, with its place.")
class ExecutionEventEdge:
    cursor: str = strawberry.field(description="The event's place in the log. Opaque.")
    node: ExecutionEvent = strawberry.field(description="The event.")


@strawberry.type(description="A page of an execution's log, oldest first.")
class ExecutionEventConnection:
    edges: list[ExecutionEventEdge] = strawberry.field(description="The events of this page with their cursors.")
    nodes: list[ExecutionEvent] = strawberry.field(description="The events of this page.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


def event_connection(
    execution_id: str, entries: Sequence[domain.Entry], *, after: int, has_next: bool
) -> ExecutionEventConnection:
    """The log has no gaps, so events stand before the page as soon as it does not begin with the first."""
    nodes = [public_event(execution_id, entry) for entry in entries]
    cursors = [str(entry.seq) for entry in entries]
    return ExecutionEventConnection(
        edges=[ExecutionEventEdge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=page_info(cursors, has_next=has_next, has_previous=after > 0),
    )
