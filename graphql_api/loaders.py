"""Batched reads: what the fields of one operation ask for in the same tick becomes one call of a use case."""

from collections.abc import Sequence

from strawberry.dataloader import DataLoader

from engine.domain.batch import Batch
from engine.domain.events import Event
from engine.domain.triggers.delivery import Delivery
from engine.domain.triggers.trigger import Trigger
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.usecases.caller import Caller
from engine.usecases.read_batches import batches_by_id
from engine.usecases.read_executions import executions_by_id
from engine.usecases.read_step_runs import payloads
from engine.usecases.read_workflows import versions_by_number, workflows_by_id
from engine.usecases.services import Services
from engine.usecases.triggers.reading import ScheduleState, deliveries_by_id, schedules_of, triggers_by_id
from engine.usecases.views import ExecutionView


class Loaders:
    """Lives as long as one operation, or one event of a subscription, so what it remembers is never stale for the
    next.
    """

    def __init__(self, services: Services, caller: Caller) -> None:
        async def workflows(ids: list[str]) -> Sequence[Workflow | None]:
            return await workflows_by_id(services, caller, ids)

        async def versions(keys: list[tuple[str, int]]) -> Sequence[WorkflowVersion | None]:
            return await versions_by_number(services, caller, keys)

        async def executions(ids: list[str]) -> Sequence[ExecutionView | None]:
            return await executions_by_id(services, caller, ids)

        async def batches(ids: list[str]) -> Sequence[Batch | None]:
            return await batches_by_id(services, caller, ids)

        async def events(keys: list[tuple[str, int]]) -> Sequence[Event | None]:
            return await payloads(services, caller, keys)

        async def triggers(ids: list[str]) -> Sequence[Trigger | None]:
            return await triggers_by_id(services, caller, ids)

        async def schedules(ids: list[str]) -> Sequence[ScheduleState | None]:
            return await schedules_of(services, caller, ids)

        async def deliveries(ids: list[str]) -> Sequence[Delivery | None]:
            return await deliveries_by_id(services, caller, ids)

        self.workflows: DataLoader[str, Workflow | None] = DataLoader(workflows)
        self.versions: DataLoader[tuple[str, int], WorkflowVersion | None] = DataLoader(versions)
        """By workflow id and number."""
        self.executions: DataLoader[str, ExecutionView | None] = DataLoader(executions)
        self.batches: DataLoader[str, Batch | None] = DataLoader(batches)
        self.triggers: DataLoader[str, Trigger | None] = DataLoader(triggers)
        self.schedules: DataLoader[str, ScheduleState | None] = DataLoader(schedules)
        """By trigger id."""
        self.deliveries: DataLoader[str, Delivery | None] = DataLoader(deliveries)
        self.events: DataLoader[tuple[str, int], Event | None] = DataLoader(events)
        """By execution id and seq: the inputs and outputs of step runs stand in the log alone."""
