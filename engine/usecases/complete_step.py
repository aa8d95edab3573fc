"""Answer an approval, an interrupt or any other waiting step."""

from typing import Any

from engine.domain.errors import InvalidState, NotFound, Problem, ValidationFailed
from engine.domain.execution.commands import Answer
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_json, require_size, require_text
from engine.usecases.keyed_change import change_once
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView, view_of


async def complete_step(
    services: Services,
    caller: Caller,
    execution_id: str,
    step_id: str,
    *,
    interrupt_id: str | None,
    output: Any,
    failure: str | None,
    idempotency_key: str | None,
) -> ExecutionView:
    """`failure` answers with a failure instead of an output, and is its message.

    Raises `NotFound`, `InvalidState` where the step does not wait, `ValidationFailed` where the output breaks its schema.
    """
    caller.require_editor()
    require_text(step_id, ("stepId",))
    require_text(interrupt_id, ("interruptId",))
    require_text(failure, ("failure",), most=10_000)
    if failure == "" or (failure is not None and output is not None):
        wrong = "a failure has a message" if failure == "" else "give either an output or a failure"
        raise ValidationFailed([Problem(message=wrong, path=("failure",))])
    require_json(output, ("output",))
    require_size(output, services.limits.input_bytes, ("output",))
    command = Answer(path=step_id, interrupt_id=interrupt_id, output=output, failure=failure, actor=caller.principal)
    request = [execution_id, step_id, interrupt_id, output, failure]
    try:
        stored = await change_once(
            services, caller, execution_id, command, verb="completeStep", key=idempotency_key, request=request
        )
    except (NotFound, InvalidState) as error:
        if error.path == ("id",):  # elsewhere the execution is named so
            raise type(error)(error.message, path=("executionId",)) from error
        raise
    return view_of(stored)
