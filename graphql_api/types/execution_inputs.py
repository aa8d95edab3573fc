"""The inputs of mutations of executions."""

from datetime import datetime, timedelta
from typing import Any, cast

import strawberry

from engine.domain.edits import StepEdit
from engine.domain.errors import Problem, ValidationFailed
from engine.domain.failure import Budget
from engine.usecases.start_execution import StartExecution
from graphql_api.types.enums import EditAction
from graphql_api.types.inputs import KEY
from graphql_api.types.scalars import JSON

REASON = "Why, for the log; null if there is nothing to say."
EXECUTION = "The execution's id."


@strawberry.input(description="What an execution may consume; reaching it pauses the execution. Null is without limit.")
class BudgetInput:
    max_tokens: int | None = strawberry.field(default=None, description="Tokens sent and received, all calls together.")
    max_cost_usd: float | None = strawberry.field(default=None, description="Cost in US dollars.")
    max_model_calls: int | None = strawberry.field(default=None, description="Calls of models.")


@strawberry.input(description="A new execution.")
class StartExecutionInput:
    workflow: str = strawberry.field(description="The workflow's name.")
    version: int | None = strawberry.field(default=None, description="Which version; null is the active one.")
    input: JSON | None = strawberry.field(
        default_factory=dict, description="Object that fits the version's `inputSchema`; null is {}."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)
    lane: str | None = strawberry.field(default=None, description="The admission queue; null is the workflow's own.")
    priority: int | None = strawberry.field(
        default=None, description="Higher ones are admitted first within a lane; null is the workflow's own."
    )
    labels: JSON | None = strawberry.field(default=None, description="Object of texts, to find it by.")
    delay: timedelta | None = strawberry.field(
        default=None, description="How long to wait before it starts; null is not at all."
    )
    deadline: datetime | None = strawberry.field(
        default=None, description="When it times out; null follows the workflow's `timeout`."
    )
    budget: BudgetInput | None = strawberry.field(
        default=None, description="What it may consume; null is the workflow's own."
    )


@strawberry.input(description="An execution, and why.")
class ExecutionInput:
    id: strawberry.ID = strawberry.field(description=EXECUTION)
    reason: str | None = strawberry.field(default=None, description=REASON)


@strawberry.input(description="Which execution shall go on.")
class ResumeExecutionInput:
    id: strawberry.ID = strawberry.field(description=EXECUTION)
    reason: str | None = strawberry.field(default=None, description=REASON)
    budget: BudgetInput | None = strawberry.field(default=None, description="A new budget, when the old one paused it.")


@strawberry.input(description="Which execution shall end.")
class CancelExecutionInput:
    id: strawberry.ID = strawberry.field(description=EXECUTION)
    reason: str | None = strawberry.field(default=None, description=REASON)
    force: bool = strawberry.field(default=False, description="Skip compensation and stop at once.")


@strawberry.input(description="A named message for an execution.")
class SignalExecutionInput:
    id: strawberry.ID = strawberry.field(description=EXECUTION)
    name: str = strawberry.field(description="The signal's name, as a step of kind signal waits for it.")
    payload: JSON | None = strawberry.field(default=None, description="What it carries; null if nothing.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="The answer to a waiting step.")
class CompleteStepInput:
    execution_id: strawberry.ID = strawberry.field(description=EXECUTION)
    step_id: str = strawberry.field(description="The step run; see `StepRun.stepId`.")
    interrupt_id: str | None = strawberry.field(
        default=None, description="Needed when the step waits for several interrupts."
    )
    output: JSON | None = strawberry.field(default=None, description="The answer; it must fit `waitingFor.schema`.")
    failure: str | None = strawberry.field(default=None, description="Answer with a failure instead: its message.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which execution shall be tried again.")
class RetryExecutionInput:
    id: strawberry.ID = strawberry.field(description=EXECUTION)
    from_step: str | None = strawberry.field(
        default=None, description="Run this top-level step and all behind it anew; null keeps all that succeeded."
    )


@strawberry.input(description="Which execution shall be repeated from one of its steps on.")
class ForkExecutionInput:
    id: strawberry.ID = strawberry.field(description=EXECUTION)
    from_step: str = strawberry.field(description="The top-level step from which on everything is run anew.")
    input: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="Another input; left out, or null, keeps that of the first execution."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="One live edit.")
class StepEditInput:
    action: EditAction = strawberry.field(description="What to do.")
    step_id: str = strawberry.field(description="The top-level step.")
    definition: JSON | None = strawberry.field(
        default=None, description="The step (INSERT), or its members to replace (UPDATE); null for DELETE."
    )


@strawberry.input(description="Live edits, all or none.")
class EditExecutionInput:
    id: strawberry.ID = strawberry.field(description=EXECUTION)
    expected_revision: int = strawberry.field(
        description="Refuse with CONFLICT unless this is the execution's revision."
    )
    edits: list[StepEditInput] = strawberry.field(description="The edits, in order.")
    dry_run: bool = strawberry.field(default=False, description="Validate and show the diff, change nothing.")


def start_of(given: StartExecutionInput) -> StartExecution:
    return StartExecution(
        workflow=given.workflow,
        version=given.version,
        input={} if given.input is None else given.input,
        idempotency_key=given.idempotency_key,
        lane=given.lane,
        priority=given.priority,
        labels=given.labels,
        delay=given.delay,
        deadline=given.deadline,
        budget=budget_of(given.budget),
    )


def budget_of(given: BudgetInput | None) -> Budget | None:
    if given is None:
        return None
    return Budget(max_tokens=given.max_tokens, max_cost_usd=given.max_cost_usd, max_model_calls=given.max_model_calls)


def edits_of(given: list[StepEditInput]) -> list[StepEdit]:
    """Raises `ValidationFailed` where a definition is JSON, but no object."""
    problems = [
        Problem(message="A step's definition is an object", path=("edits", str(index), "definition"))
        for index, edit in enumerate(given)
        if not isinstance(edit.definition, dict | None)
    ]
    if problems:
        raise ValidationFailed(problems)
    return [
        StepEdit(action=edit.action, step_id=edit.step_id, definition=cast("dict[str, Any] | None", edit.definition))
        for edit in given
    ]
