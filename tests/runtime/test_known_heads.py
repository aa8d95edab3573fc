"""Heads that are remembered with their text are never wrong."""

from datetime import UTC, datetime

import msgspec

from engine.domain.execution import Run, State
from engine.domain.status import ExecutionStatus, StepStatus
from engine.storage.port import Document
from engine.storage.repositories.head import HeadBody
from engine.storage.repositories.head_view import KnownHeads


def document(rev: int, status: ExecutionStatus, number: int = 1) -> Document:
    state = State(
        id=f"ex_{number}",
        tenant="t",
        workflow_id="wf_1",
        workflow="w",
        version=1,
        status=status,
        lane="default",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        seq=1,
    )
    runs = {"s": Run(kind="transform", status=StepStatus.SUCCEEDED)}
    body = msgspec.json.encode(HeadBody(state=state, runs=runs, tail=[msgspec.Raw(b'{"a":1}')]))
    return Document(path=f"tenants/t/executions/{state.id}", rev=rev, fields={}, body=body)


def test_a_head_made_again_under_its_old_rev_is_seen_as_it_is() -> None:
    known = KnownHeads()
    assert known.view(document(1, ExecutionStatus.QUEUED)).state.status is ExecutionStatus.QUEUED
    assert known.view(document(1, ExecutionStatus.FAILED)).state.status is ExecutionStatus.FAILED


def test_a_head_of_the_same_text_has_the_rev_of_its_document() -> None:
    known = KnownHeads()
    first, second = (known.view(document(rev, ExecutionStatus.QUEUED)) for rev in (1, 2))
    assert (first.rev, second.rev) == (1, 2)
    assert first.state is second.state


def test_step_runs_and_newest_events_are_there_when_they_are_looked_at() -> None:
    view = KnownHeads().view(document(1, ExecutionStatus.RUNNING))
    assert view.runs == {"s": Run(kind="transform", status=StepStatus.SUCCEEDED)}
    assert [bytes(each) for each in view.tail] == [b'{"a":1}']


def test_no_more_heads_are_remembered_than_a_few_hundred() -> None:
    known = KnownHeads()
    for number in range(2_000):
        known.view(document(1, ExecutionStatus.RUNNING, number))
    assert len(known._views) == 500
