"""Short words for what tests do with an engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engine.bootstrap import Engine, open_engine
from engine.domain.events import DurableEvent, Entry, EphemeralEvent
from engine.domain.ids import TenantId
from engine.domain.status import ExecutionStatus
from engine.runtime.worker import Worker
from engine.settings import Settings
from engine.usecases.caller import Caller, Role
from engine.usecases.create_workflow import create_workflow
from engine.usecases.paging import PageRequest
from engine.usecases.read_events import list_events
from engine.usecases.read_executions import executions_by_id
from engine.usecases.read_step_runs import StepRunFilter, list_step_runs
from engine.usecases.services import Services
from engine.usecases.start_execution import StartExecution, start_execution
from engine.usecases.views import ExecutionView, StepRunView
from engine.usecases.watch_execution import watch_execution
from tests.patience import PATIENCE_SECONDS

"""How long a test waits for what must happen."""


class Client:
    def __init__(self, engine: Engine, tenant: str = "local") -> None:
        self.engine = engine
        self.services: Services = engine.services
        self.caller = Caller(tenant=TenantId(tenant), principal="tester", role=Role.ADMIN)

    @property
    def worker(self) -> Worker:
        assert self.engine.worker is not None
        return self.engine.worker

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings) -> AsyncIterator["Client"]:
        async with open_engine(settings) as engine:
            yield cls(engine)

    async def define(self, *steps: dict[str, Any], name: str = "test", **more: Any) -> str:
        """Creates a workflow of these steps."""
        await create_workflow(
            self.services, self.caller, {"name": name, "steps": list(steps), **more}, activate=True, labels=None
        )
        return name

    async def start(self, workflow: str = "test", **more: Any) -> str:
        view = await start_execution(self.services, self.caller, StartExecution(workflow=workflow, **more))
        return view.state.id

    async def view(self, execution_id: str) -> ExecutionView:
        (view,) = await executions_by_id(self.services, self.caller, [execution_id])
        assert view is not None
        return view

    async def ended(self, execution_id: str) -> ExecutionView:
        """The execution, once it is over."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in self.watch(execution_id):
                pass
        view = await self.view(execution_id)
        assert view.state.terminal
        return view

    async def run(self, workflow: str = "test", **more: Any) -> ExecutionView:
        return await self.ended(await self.start(workflow, **more))

    def watch(self, execution_id: str, *, after: int = 0, ephemeral: bool = False) -> AsyncIterator[Entry]:
        return watch_execution(self.services, self.caller, execution_id, after=after, ephemeral=ephemeral)

    async def until(self, execution_id: str, status: ExecutionStatus) -> ExecutionView:
        """The execution, once it has that status; watched live, not polled."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in self.watch(execution_id):
                view = await self.view(execution_id)
                if view.state.status is status:
                    return view
        view = await self.view(execution_id)
        assert view.state.status is status, view.state
        return view

    async def until_event(self, execution_id: str, kind: type[Any], **wanted: Any) -> Any:
        """The first event of a kind whose fields have these values."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for entry in self.watch(execution_id):
                event = entry.event
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in wanted.items()):
                    return event
        raise AssertionError(f"the log has no {kind.__name__} with {wanted}")

    async def log(self, execution_id: str) -> list[DurableEvent | EphemeralEvent]:
        """The whole log; fails if it is not numbered from 1 without gaps."""
        entries: list[Entry] = []
        while True:
            page = await list_events(
                self.services, self.caller, execution_id, after=entries[-1].seq or 0 if entries else 0, first=100
            )
            entries.extend(page.entries)
            if not page.has_next:
                break
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        return [entry.event for entry in entries]

    async def names(self, execution_id: str) -> list[str]:
        return [type(event).__name__ for event in await self.log(execution_id)]

    async def steps(self, execution_id: str) -> dict[str, StepRunView]:
        """All step runs, by path."""
        page = await list_step_runs(
            self.services, self.caller, await self.view(execution_id), StepRunFilter(), PageRequest(first=100)
        )
        return {step.step_id: step for step in page.items}

    async def statuses(self, execution_id: str) -> dict[str, str]:
        return {path: step.run.status.value for path, step in (await self.steps(execution_id)).items()}


def call(step_id: str, function: str, args: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A `function` step."""
    return {"id": step_id, "kind": "function", "with": {"call": f"test.{function}", "args": args or {}}, **more}
