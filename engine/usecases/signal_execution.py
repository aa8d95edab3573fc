"""Send a signal to an execution. It is kept until a step takes it."""

from typing import Any

from engine.domain.errors import Problem, ValidationFailed
from engine.domain.execution.commands import Signal
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_json, require_size, require_text
from engine.usecases.keyed_change import change_once
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView, view_of


async def signal_execution(
    services: Services,
    caller: Caller,
    execution_id: str,
    *,
    name: str,
    payload: Any,
    idempotency_key: str | None,
) -> ExecutionView:
    """Raises `NotFound`, `InvalidState` where it ended, `ValidationFailed` where the waiting step's schema refuses the payload."""
    caller.require_editor()
    require_text(name, ("name",), most=200)
    if not name:
        raise ValidationFailed([Problem(message="a signal has a name", path=("name",))])
    require_json(payload, ("payload",))
    require_size(payload, services.limits.input_bytes, ("payload",))
    command = Signal(name=name, payload=payload, actor=caller.principal)
    request = [execution_id, name, payload]
    stored = await change_once(
        services, caller, execution_id, command, verb="signalExecution", key=idempotency_key, request=request
    )
    return view_of(stored)
