"""Triggers of a simulation, the events that reach them, and what must have become of these."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from random import Random

import msgspec

from engine.bootstrap import Engine
from engine.domain.status import ExecutionStatus
from engine.domain.triggers.cloud_event import CloudEvent, delivery_id
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.domain.triggers.trigger import Buffer, EventSource, OverlapPolicy, ScheduleSource, Trigger
from engine.storage.repositories.head import HeadBody
from engine.usecases.triggers.changing import NewTrigger, create_trigger, pause_trigger
from engine.usecases.triggers.receiving import publish_event
from tests.chaos.clients import CALLER, Clients
from tests.chaos.sim_database import Database
from tests.chaos.watchman import Watchman
from tests.chaos.workflows import INNER

EVERY = timedelta(seconds=20)
GATHERED = Buffer(max_size=3, max_wait=timedelta(seconds=10), key="event.data.n % 2")
ONCE = "event.data.n % 4"
_delivery = msgspec.json.Decoder(Delivery)
_O = DeliveryOutcome


class Triggers:
    """In some simulations: one trigger on events, one on the ends of what it started, and a schedule."""

    def __init__(self, clients: Clients, seed: str) -> None:
        self._clients = clients
        self._random = Random(seed)
        self.at_work = self._random.random() < 0.35  # a share
        self._made: dict[str, Trigger] = {}
        self._published: list[CloudEvent] = []

    async def begin(self) -> None:
        """While nothing goes wrong yet."""
        if not self.at_work:
            return
        await self._create("events", EventSource(types=("sim.*",)), "event.data.n % 3 != 0")
        taken = f'event.data.triggerId == "{self._made["events"].id}"'
        await self._create("chain", EventSource(types=("weft.execution.succeeded",)), taken)
        clock = ScheduleSource(every=EVERY, overlap=OverlapPolicy.ALLOW, catch_up_window=timedelta(hours=5))
        await self._create("clock", clock, None)
        await self._create("gather", EventSource(types=("sim.*",)), None, GATHERED)
        await self._create("once", EventSource(types=("sim.*",)), None, dedup_key=ONCE)

    async def _create(
        self,
        name: str,
        source: EventSource | ScheduleSource,
        condition: str | None,
        buffer: Buffer | None = None,
        dedup_key: str | None = None,
    ) -> None:
        new = NewTrigger(
            name=name,
            workflow=INNER,
            source=source,
            condition=condition,
            buffer=buffer,
            dedup_key=dedup_key,
            input_mapping={"key": "a", "flag": True},
        )
        self._made[name] = await self._clients.insist(partial(_created, new))

    async def publish(self, sleep: float, count: int) -> None:
        """Each until it is acknowledged: so one may come several times."""
        if not self.at_work:
            return
        for n in range(count):
            event = CloudEvent(id=f"event-{n}", source="/simulation", type="sim.happened", data={"n": n})
            await self._clients.insist(partial(_published, event))
            self._published.append(event)
            await self._clients.rest(sleep * self._random.random())

    async def end(self) -> None:
        """No further times come; what is under way goes on."""
        if self.at_work:
            await self._clients.insist(partial(_paused, "clock"))

    def check(self, database: Database, watchman: Watchman) -> None:
        if not self.at_work:
            return
        found = [_delivery.decode(document.body) for document in database.find("deliveries")]
        deliveries = {each.id: each for each in found}
        for name, trigger in self._made.items():
            started = {each.execution_id for each in found if each.trigger_id == trigger.id and each.execution_id}
            executions = {head.state.id for head in watchman.heads.values() if head.state.trigger_id == trigger.id}
            if started != executions:
                watchman.violated(
                    f"trigger {name}: deliveries name {len(started)} executions, there are {len(executions)}"
                )
        self._check_events(deliveries, watchman)
        self._check_gathered(deliveries, watchman)
        self._check_once(deliveries, watchman)
        self._check_chain(deliveries, watchman)
        self._check_clock(found, watchman)

    def _check_events(self, deliveries: Mapping[str, Delivery], watchman: Watchman) -> None:
        for event in self._published:
            delivery = deliveries.get(delivery_id(self._made["events"].id, event))
            wanted = _O.STARTED if event.data["n"] % 3 else _O.FILTERED
            if delivery is None or delivery.outcome is not wanted:
                watchman.violated(f"event {event.id} became {delivery and delivery.outcome}, not {wanted}")

    def _check_gathered(self, deliveries: Mapping[str, Delivery], watchman: Watchman) -> None:
        """Every event went into one execution, with no more than two others of its key."""
        together: dict[str | None, list[int]] = {}
        for event in self._published:
            delivery = deliveries.get(delivery_id(self._made["gather"].id, event))
            if delivery is None or delivery.outcome is not _O.STARTED:
                watchman.violated(f"event {event.id} was gathered and became {delivery and delivery.outcome}")
            else:
                together.setdefault(delivery.execution_id, []).append(event.data["n"])
        for numbers in together.values():
            if len(numbers) > GATHERED.max_size or len({n % 2 for n in numbers}) > 1:
                watchman.violated(f"events {numbers} were given to one execution")

    def _check_once(self, deliveries: Mapping[str, Delivery], watchman: Watchman) -> None:
        """Of the events with one key one has started something."""
        outcomes: dict[int, list[str]] = {}
        for event in self._published:
            delivery = deliveries.get(delivery_id(self._made["once"].id, event))
            outcomes.setdefault(event.data["n"] % 4, []).append(delivery.outcome if delivery else "nothing")
        for key, found in outcomes.items():
            if sorted(found) != [_O.DUPLICATE] * (len(found) - 1) + [_O.STARTED]:
                watchman.violated(f"the events with the key {key} became {found}")

    def _check_chain(self, deliveries: Mapping[str, Delivery], watchman: Watchman) -> None:
        """Every execution that succeeded after an event started exactly one more."""
        chain = self._made["chain"].id
        ends = [each.event.data["executionId"] for each in deliveries.values() if _started(each, chain)]
        events = self._made["events"].id
        succeeded = [
            head.state.id for head in watchman.heads.values() if _succeeded(head) and head.state.trigger_id == events
        ]
        if sorted(ends) != sorted(succeeded):
            watchman.violated(
                f"{len(succeeded)} executions succeeded after events; {len(ends)} were followed by another"
            )

    def _check_clock(self, found: list[Delivery], watchman: Watchman) -> None:
        """No time was left out, and none fired twice."""
        clock = self._made["clock"].id
        times = sorted(each.event.time for each in found if each.trigger_id == clock and each.event.time)
        first: datetime = self._made["clock"].created_at + EVERY
        if times != [first + n * EVERY for n in range(len(times))]:
            watchman.violated(f"the schedule fired at {[time.isoformat() for time in times]}")


def _started(delivery: Delivery, trigger_id: str) -> bool:
    return delivery.trigger_id == trigger_id and delivery.outcome is _O.STARTED


def _succeeded(head: HeadBody) -> bool:
    return head.state.status is ExecutionStatus.SUCCEEDED


async def _created(new: NewTrigger, engine: Engine) -> Trigger:
    return await create_trigger(engine.services, CALLER, new)


async def _published(event: CloudEvent, engine: Engine) -> None:
    await publish_event(engine.services, CALLER, event)


async def _paused(name: str, engine: Engine) -> None:
    await pause_trigger(engine.services, CALLER, name)
