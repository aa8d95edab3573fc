"""What listings can be narrowed to, and ordered by."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import strawberry

from engine.domain.errors import BadRequest
from engine.usecases import read_executions, read_step_runs, read_workflows
from graphql_api.text import check_texts
from graphql_api.types.enums import ExecutionOrderField, ExecutionStatus, OrderDirection, StepStatus, WorkflowStatus


@strawberry.input(description="One label with exactly this value.")
class LabelFilter:
    key: str = strawberry.field(description="The label's name.")
    value: str = strawberry.field(description="The label's value.")

    @property
    def pair(self) -> tuple[str, str]:
        return self.key, self.value


@strawberry.input(description="Workflows that fit all that is given.")
class WorkflowFilter:
    status: list[WorkflowStatus] | None = strawberry.field(default=None, description="With one of these; null is any.")
    name_contains: str | None = strawberry.field(default=None, description="With this text in their name; null is any.")
    label: LabelFilter | None = strawberry.field(default=None, description="With this label; null is any.")


@strawberry.input(description="Executions that fit all that is given.")
class ExecutionFilter:
    workflow: str | None = strawberry.field(default=None, description="Of the workflow with this name; null is any.")
    status: list[ExecutionStatus] | None = strawberry.field(default=None, description="With one of these; null is any.")
    label: LabelFilter | None = strawberry.field(default=None, description="With this label; null is any.")
    created_after: datetime | None = strawberry.field(
        default=None, description="Created after this moment; null is any."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Created before this moment; null is any."
    )
    trigger_id: strawberry.ID | None = strawberry.field(
        default=None, description="Started by this trigger; null is any."
    )
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="Started by this batch; null is any.")


@strawberry.input(description="An order of executions.")
class ExecutionOrder:
    field: ExecutionOrderField = strawberry.field(default=ExecutionOrderField.CREATED_AT, description="By what.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Which way.")


@strawberry.input(description="Step runs that fit all that is given.")
class StepRunFilter:
    status: list[StepStatus] | None = strawberry.field(default=None, description="With one of these; null is any.")
    kind: list[str] | None = strawberry.field(default=None, description="Of one of these kinds; null is any.")
    parent: str | None = strawberry.field(
        default=None,
        description="Inside the step run with this id, such as `map` or `map[3]`, at any depth; null is any.",
    )


T = TypeVar("T")

MOST_CHOICES = 100
_ANY_EXECUTION = read_executions.ExecutionFilter()


def workflow_filter(given: WorkflowFilter | None) -> read_workflows.WorkflowFilter:
    given = given or WorkflowFilter()
    check_texts(given)
    return read_workflows.WorkflowFilter(
        status=distinct(given.status, "filter", "status"),
        name_contains=given.name_contains,
        label=given.label.pair if given.label else None,
    )


def execution_filter(given: ExecutionFilter | None) -> read_executions.ExecutionFilter:
    if given is None:
        return _ANY_EXECUTION
    check_texts(given)
    return read_executions.ExecutionFilter(
        workflow=given.workflow,
        status=distinct(given.status, "filter", "status"),
        label=given.label.pair if given.label else None,
        created_after=given.created_after,
        created_before=given.created_before,
        trigger_id=given.trigger_id,
        batch_id=given.batch_id,
    )


def descending(order: ExecutionOrder | None) -> bool:
    return order is None or order.direction is OrderDirection.DESC


def step_run_filter(given: StepRunFilter | None) -> read_step_runs.StepRunFilter:
    given = given or StepRunFilter()
    kind = distinct(given.kind, "filter", "kind")
    check_texts(given)
    return read_step_runs.StepRunFilter(
        status=distinct(given.status, "filter", "status"),
        kind=kind,
        parent=given.parent,
    )


def distinct(given: Sequence[T] | None, *path: str) -> tuple[T, ...] | None:
    """Each of what is chosen once. Raises `BadRequest` where there is more than anybody means."""
    if given is None:
        return None
    if len(given) > MOST_CHOICES:
        raise BadRequest(f"At most {MOST_CHOICES} of {path[-1]}, not {len(given):,}", path=path)
    return tuple(dict.fromkeys(given))
