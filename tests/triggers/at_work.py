"""An engine with its triggers at work, and short words for what tests do with them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.bootstrap import open_engine
from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.domain.triggers.trigger import EventSource, ScheduleSource, Source, Trigger
from engine.settings import Settings
from engine.usecases.paging import PageRequest
from engine.usecases.triggers.changing import NewTrigger, create_trigger
from engine.usecases.triggers.reading import list_deliveries
from engine.usecases.triggers.receiving import publish_event
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client
from weft.trigger_work import triggers_at_work

ECHO = {"id": "a", "kind": "transform", "with": {"value": "${ input }"}}


class SetClock:
    """Tells the time that a test sets."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class TriggerClient(Client):
    """`at_work` as a server has it; else nothing happens by itself."""

    @classmethod
    @asynccontextmanager
    async def working(cls, settings: Settings, **replaced: Any) -> AsyncIterator["TriggerClient"]:
        async with open_engine(settings, **replaced) as engine, triggers_at_work(engine):
            yield cls(engine)

    @classmethod
    @asynccontextmanager
    async def idle(cls, settings: Settings, **replaced: Any) -> AsyncIterator["TriggerClient"]:
        async with open_engine(settings, **replaced) as engine:
            yield cls(engine)

    async def trigger(self, source: Source, name: str = "t", workflow: str = "test", **more: Any) -> Trigger:
        return await create_trigger(
            self.services, self.caller, NewTrigger(name=name, workflow=workflow, source=source, **more)
        )

    async def on_events(self, *types: str, name: str = "t", **more: Any) -> Trigger:
        return await self.trigger(EventSource(types=types), name=name, **more)

    async def on_schedule(self, name: str = "t", **more: Any) -> Trigger:
        given = {key: more.pop(key) for key in list(more) if key in ScheduleSource.__struct_fields__}
        return await self.trigger(ScheduleSource(**given), name=name, **more)

    async def publish(self, type_: str, data: Any = None, *, id_: str | None = None) -> CloudEvent:
        event = CloudEvent(id=id_ or self.services.mint("ev"), source="/tests", type=type_, data=data)
        await publish_event(self.services, self.caller, event)
        return event

    async def deliveries(self, trigger: Trigger) -> Sequence[Delivery]:
        """Oldest first."""
        page = await list_deliveries(self.services, self.caller, trigger.id, None, PageRequest(first=100))
        return page.items[::-1]

    async def outcomes(self, trigger: Trigger) -> list[str]:
        return [each.outcome.value for each in await self.deliveries(trigger)]

    async def decided(self, trigger: Trigger, count: int, *outcomes: DeliveryOutcome) -> list[Delivery]:
        """Its deliveries, oldest first, once there are so many (with one of these outcomes)."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found = [each for each in await self.deliveries(trigger) if not outcomes or each.outcome in outcomes]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.01)

    async def input_of(self, delivery: Delivery) -> Any:
        assert delivery.execution_id is not None
        return (await self.view(delivery.execution_id)).state.input
