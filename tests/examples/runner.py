"""Runs an example as its demonstration does: through the use cases, on a real engine."""

import ipaddress
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from langgraph.store.base import BaseStore

from engine.bootstrap import Engine, open_engine
from engine.domain.events import DurableEvent, EphemeralEvent, StepEvent, StepWaiting
from engine.domain.ids import TenantId
from engine.executors.memory import DocumentMemory
from engine.settings import Settings
from engine.usecases.caller import Caller, Role
from engine.usecases.cancel_execution import cancel_execution
from engine.usecases.complete_step import complete_step
from engine.usecases.create_workflow import create_workflow
from engine.usecases.start_execution import StartExecution, start_execution
from engine.usecases.watch_execution import watch_execution

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TENANT = TenantId("local")
CALLER = Caller(tenant=TENANT, principal="tests", role=Role.ADMIN)

Event = DurableEvent | EphemeralEvent
Answers = Mapping[str, Any]
"""Outputs by step."""


class Example:
    """One example on a running engine, its workflows applied."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self._directory = directory
        self.services = engine.services
        self.workflow: str = yaml.safe_load((directory / "workflow.yaml").read_text())["name"]
        self.input: dict[str, Any] = json.loads((directory / "input.json").read_text())
        listed = yaml.safe_load((directory / "demo.yaml").read_text())
        self.answers: Answers = {answer["step"]: answer["output"] for answer in listed}

    async def apply(self) -> None:
        for path in sorted(self._directory.glob("*workflow.yaml")):
            await create_workflow(self.services, CALLER, path.read_text(), activate=True, labels=None)

    async def run(self, answers: Answers | None = None, *, cancel_at: str | None = None, **given: Any) -> list[Event]:
        """The events from start to end. `given` is put over the example's input; where a step named in `answers` (those
        of the demonstration unless given) waits, it is answered; where `cancel_at` waits, the execution is cancelled.
        """
        request = StartExecution(workflow=self.workflow, input={**self.input, **given})
        started = await start_execution(self.services, CALLER, request)
        return await self.follow(started.state.id, self.answers if answers is None else answers, cancel_at=cancel_at)

    async def follow(
        self, execution_id: str, answers: Answers | None = None, *, cancel_at: str | None = None
    ) -> list[Event]:
        events: list[Event] = []
        async for entry in watch_execution(self.services, CALLER, execution_id, after=0, ephemeral=False):
            events.append(entry.event)
            if not isinstance(entry.event, StepWaiting):
                continue
            if entry.event.step_id == cancel_at:
                await cancel_execution(self.services, CALLER, execution_id, reason="changed my mind", force=False)
                answers = None
            elif answers and entry.event.step_id in answers:
                await self._answer(execution_id, entry.event.step_id, answers[entry.event.step_id])
        return events

    async def _answer(self, execution_id: str, step_id: str, output: Any) -> None:
        await complete_step(
            self.services,
            CALLER,
            execution_id,
            step_id,
            interrupt_id=None,
            output=output,
            failure=None,
            idempotency_key=None,
        )

    @property
    def memory(self) -> BaseStore:
        """What the example's functions keep."""
        return DocumentMemory(self.services.store, TENANT)


@asynccontextmanager
async def open_example(name: str, data_dir: Path) -> AsyncIterator[Example]:
    directory = EXAMPLES / name
    scripts = directory / "scripts.yaml"
    settings = Settings(
        data_dir=data_dir,
        modules=(f"examples.{name}.functions",),
        scripts=(scripts,) if scripts.exists() else (),
        http_allow=(ipaddress.ip_network("127.0.0.0/8"),),
    )
    async with open_engine(settings) as engine:
        example = Example(directory, engine)
        await example.apply()
        yield example


def told(events: list[Event], *kinds: type[StepEvent]) -> list[str]:
    """The steps of the events of these kinds, in order."""
    return [event.step_id for event in events if isinstance(event, kinds)]
