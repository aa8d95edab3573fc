"""Every event of the domain has a public type, and shows there what it is allowed to show."""

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest

from engine.domain.events import (
    DurableEvent,
    Entry,
    EphemeralEvent,
    Event,
    ExecutionQueued,
    StepRetryScheduled,
    StepWaiting,
)
from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.domain.waiting import WaitingFor, WaitKind
from graphql_api.types.events import EVENT_TYPES, event_connection, public_event
from graphql_api.types.failure import Failure as PublicFailure
from graphql_api.types.failure import WaitingFor as PublicWaitingFor

AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ALL: tuple[type[Event], ...] = (*get_args(DurableEvent), *get_args(EphemeralEvent))


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.__name__)
def test_every_event_has_a_public_type_of_its_name_with_fields_of_its_own(event: type[Event]) -> None:
    public: Any = EVENT_TYPES[event]
    assert public.__name__ == event.__name__
    shown = {field.python_name for field in public.__strawberry_definition__.fields} - {"execution_id", "seq"}
    assert shown <= {field.name for field in msgspec.structs.fields(event)}


def test_values_inside_of_events_become_public_too() -> None:
    failure = Failure(kind=FailureKind.TASK, code="no_luck", message="!")
    retry = StepRetryScheduled(at=AT, step_id="s", attempt=1, not_before=AT, failure=failure)
    shown: Any = public_event("ex_1", Entry(3, retry))
    assert (shown.execution_id, shown.seq, shown.at, shown.failure) == ("ex_1", 3, AT, PublicFailure.of(failure))
    wait = WaitingFor(kind=WaitKind.TIMER, until=AT)
    shown = public_event("ex_1", Entry(4, StepWaiting(at=AT, step_id="s", waiting_for=wait)))
    assert shown.waiting_for == PublicWaitingFor.of(wait)


def test_what_is_internal_stays_inside() -> None:
    queued = ExecutionQueued(at=AT, lane="default", workflow_id="wf_1", workflow="w", version=1, input={"secret": 1})
    assert not hasattr(public_event("ex_1", Entry(1, queued)), "input")


def test_a_page_of_the_log_knows_what_stands_before_it() -> None:
    page = event_connection("ex_1", [], after=0, has_next=False)
    assert (page.page_info.has_previous_page, page.page_info.start_cursor) == (False, None)
    later = event_connection(
        "ex_1",
        [Entry(8, StepWaiting(at=AT, step_id="s", waiting_for=WaitingFor(kind=WaitKind.TIMER)))],
        after=7,
        has_next=True,
    )
    assert (later.page_info.has_previous_page, later.page_info.has_next_page, later.page_info.end_cursor) == (
        True,
        True,
        "8",
    )
