"""What every side that runs the engine in process does with it."""

from typing import Any

from engine.domain.events import ExecutionSucceeded
from engine.domain.ids import TenantId
from engine.usecases.caller import Caller, Role
from engine.usecases.create_workflow import create_workflow
from engine.usecases.services import Services
from engine.usecases.start_execution import StartExecution, start_execution
from engine.usecases.watch_execution import watch_execution

CALLER = Caller(tenant=TenantId("local"), principal="benchmark", role=Role.ADMIN)


async def save_workflow(services: Services, definition: dict[str, Any]) -> None:
    await create_workflow(services, CALLER, definition, activate=True, labels=None)


async def output_of(services: Services, workflow: str, given: dict[str, Any]) -> Any:
    """Starts an execution and follows its events to the last."""
    view = await start_execution(services, CALLER, StartExecution(workflow=workflow, input=given))
    event = None
    async for entry in watch_execution(services, CALLER, view.state.id, after=view.state.seq, ephemeral=False):
        event = entry.event
    assert isinstance(event, ExecutionSucceeded), event
    return event.output
