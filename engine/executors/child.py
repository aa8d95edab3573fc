"""`child`: another workflow as a step."""

from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field

from engine.domain.definition import Model, WorkflowName
from engine.domain.errors import Unavailable, ValidationFailed, WeftError
from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.domain.waiting import WaitingFor, WaitKind
from engine.executors.port import Done, Executor, Result, StepContext, StepFailure, Suspended


class ChildStarter(Protocol):
    async def start(
        self,
        *,
        tenant: str,
        parent_id: str,
        parent_step: str,
        workflow: str,
        version: int | None,
        input: dict[str, Any],  # noqa: A002 - the word of the language
        on_parent_close: str,
        idempotency_key: str,
    ) -> str:
        """The id of the execution started for this key; the same one however often it is called with it. `version` None
        is the active one. Raises `NotFound`, `ValidationFailed`, `InvalidState`, `LimitExceeded`,
        `IdempotencyMismatch`, `Unavailable`.
        """


class ChildWith(Model):
    workflow: WorkflowName = Field(description="Name of the workflow to run.")
    version: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Its version; without it, the active one."
    )
    input: dict[str, Any] = Field(default={}, description="The child's input.")
    mode: Literal["wait", "detach"] = Field(
        default="wait",
        description="`wait`: the child's output is the step's. `detach`: go on at once, with `{executionId}`.",
    )
    on_parent_close: Literal["cancel", "abandon"] | None = Field(
        default=None,
        description="What happens to a child that still runs when its parent ends; by default `cancel` where the step "
        "waits and `abandon` where it is detached.",
    )


class Child(Executor):
    name: ClassVar[str] = "child"
    description: ClassVar[str] = (
        "Starts an execution of another workflow, and waits for its output unless it is detached."
    )
    With = ChildWith

    def __init__(self, starter: ChildStarter) -> None:
        self._starter = starter

    async def run(self, step: StepContext) -> Result:
        given: ChildWith = step.with_
        if step.answers:
            return Done(step.answers[-1].value)
        execution_id = await self._start(step, given)
        if given.mode == "detach":
            return Done({"executionId": execution_id})
        return Suspended((WaitingFor(kind=WaitKind.CHILD, execution_id=execution_id),))

    async def _start(self, step: StepContext, given: ChildWith) -> str:
        try:
            return await self._starter.start(
                tenant=step.tenant,
                parent_id=step.execution_id,
                parent_step=step.step_id,
                workflow=given.workflow,
                version=given.version,
                input=given.input,  # secrets stay unrevealed: the child records its input
                on_parent_close=given.on_parent_close or ("cancel" if given.mode == "wait" else "abandon"),
                idempotency_key=f"{step.idempotency_key}:{step.attempt}",
            )
        except Unavailable:
            raise
        except WeftError as error:
            raise StepFailure(_refused(error, given.workflow, step.step_id)) from error


_CODES = {
    "NOT_FOUND": "child_not_found",
    "VALIDATION_FAILED": "child_input_invalid",
    "LIMIT_EXCEEDED": "child_limit_exceeded",
}


def _refused(error: WeftError, workflow: str, step_id: str) -> Failure:
    details: dict[str, Any] = {"workflow": workflow, "reason": error.code}
    if isinstance(error, ValidationFailed):
        details["problems"] = [
            {"path": list(problem.path), "message": problem.message, "hint": problem.hint} for problem in error.problems
        ]
    return Failure(
        kind=FailureKind.TASK,
        code=_CODES.get(error.code, "child_not_started"),
        message=error.message,
        step_id=step_id,
        retryable=error.code == "LIMIT_EXCEEDED",
        details=details,
    )
