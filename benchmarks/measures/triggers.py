"""Triggers on the embedded server: from a published event to the execution that it started, and how late schedules fire."""

import asyncio
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks import workflows
from benchmarks.caller import CALLER, save_workflow
from benchmarks.results import Goal, Row
from benchmarks.scale import Scale
from engine.bootstrap import open_engine
from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.domain.triggers.trigger import EventSource, OverlapPolicy, ScheduleSource, Trigger
from engine.settings import Settings
from engine.usecases.services import Services
from engine.usecases.triggers.changing import NewTrigger, create_trigger
from engine.usecases.triggers.receiving import publish_event
from weft.trigger_work import triggers_at_work

_AT_ONCE = 16
_WORKFLOW = "chain-1"
_A_MINUTE = Goal(60, unit="s")


async def measure(scale: Scale) -> list[Row]:
    """In one process, as `weft serve` has it."""
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(data_dir=Path(directory), modules=(workflows.MODULE,))
        async with open_engine(settings) as engine, triggers_at_work(engine):
            services = engine.services
            rows = await events(services, scale)
            spread = await _lateness(services, scale.schedules, "spread", within=timedelta(minutes=1))
            at_once = await _lateness(services, scale.schedules, "at-once", within=timedelta(0))
    many = f"{scale.schedules:,} schedules"
    return [
        *rows,
        Row(what=f"{many} due within a minute, lateness p50", number=median(spread), unit="ms"),
        Row(what="the same, p99", number=quantiles(spread, n=100)[98], unit="ms"),
        Row(
            what=f"{many} due at the same instant, until half of them have fired",
            number=median(at_once) / 1e3,
            unit="s",
        ),
        Row(what="the same, until the last one has", number=max(at_once) / 1e3, unit="s", goal=_A_MINUTE),
    ]


async def events(services: Services, scale: Scale) -> list[Row]:
    """From the first that is published to the last whose fate is stored, once everything is warm."""
    await save_workflow(services, workflows.chain(1))
    await _events(services, scale.executions, "warm-up", "true")
    started = await _events(services, scale.executions, "wanted", "true")
    filtered = await _events(services, scale.executions, "not-wanted", "false")
    return [
        Row(what="events published, stored, routed and started", number=started, unit="/s"),
        Row(what="events published, stored, routed and filtered", number=filtered, unit="/s"),
    ]


async def _events(services: Services, count: int, name: str, condition: str) -> float:
    """A second."""
    new = NewTrigger(
        name=name,
        workflow=_WORKFLOW,
        source=EventSource(types=(name,)),
        condition=condition,
        input_mapping={"n": "${ event.data.n }"},
    )
    trigger = await create_trigger(services, CALLER, new)
    begun = time.perf_counter()
    for start in range(0, count, _AT_ONCE):
        await asyncio.gather(*(_publish(services, name, n) for n in range(start, min(count, start + _AT_ONCE))))
    await _decided(services, trigger, count)
    return count / (time.perf_counter() - begun)


async def _publish(services: Services, type_: str, n: int) -> Any:
    event = CloudEvent(id=services.mint("ev"), source="/bench", type=type_, data={"n": n})
    return await publish_event(services, CALLER, event)


async def _decided(services: Services, trigger: Trigger, count: int) -> None:
    while await services.deliveries.count(CALLER.tenant, trigger.id, None) < count:
        await asyncio.sleep(0.01)


async def _lateness(services: Services, count: int, name: str, *, within: timedelta) -> list[float]:
    """Milliseconds from the scheduled time to the commit that fires it, of schedules that fire once."""
    first = services.clock() + timedelta(seconds=10 + count / 300)
    triggers: list[Trigger] = []
    for start in range(0, count, _AT_ONCE):
        numbers = range(start, min(count, start + _AT_ONCE))
        triggers += await asyncio.gather(
            *(_scheduled(services, f"{name}-{n}", first + within * n / count) for n in numbers)
        )
    assert services.clock() < first, "they could not be created before they were due"
    late: list[float] = []
    for trigger in triggers:
        delivery = await _fired(services, trigger)
        assert delivery.event.time is not None
        late.append((delivery.at - delivery.event.time).total_seconds() * 1e3)
    return late


async def _scheduled(services: Services, name: str, at: datetime) -> Trigger:
    source = ScheduleSource(every=timedelta(days=1), start_at=at, overlap=OverlapPolicy.ALLOW)
    new = NewTrigger(name=name, workflow=_WORKFLOW, source=source, input_mapping={"n": 1})
    return await create_trigger(services, CALLER, new)


async def _fired(services: Services, trigger: Trigger) -> Delivery:
    while True:
        outcomes = (DeliveryOutcome.STARTED,)
        found = await services.deliveries.page(CALLER.tenant, trigger.id, outcomes=outcomes, start_after=None, limit=1)
        if found:
            return found[0]
        await asyncio.sleep(0.05)
