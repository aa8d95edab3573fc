"""What use cases work with."""

from importlib.metadata import version

from engine.bus.port import MessageBus
from engine.domain.ids import RandomBytes
from engine.domain.validation import DefinitionLimits
from engine.executors.catalogue import StepKindCatalogue
from engine.runtime.hub import Hub
from engine.secrets.port import SecretSource
from engine.settings import Settings
from engine.storage.port import DocumentStore
from engine.storage.repositories.batches import BatchRepository
from engine.storage.repositories.concurrency import ConcurrencyRepository
from engine.storage.repositories.deliveries import DeliveryRepository
from engine.storage.repositories.execution_queries import ExecutionQueries
from engine.storage.repositories.executions import ExecutionRepository
from engine.storage.repositories.idempotency import IdempotencyRepository
from engine.storage.repositories.plans import Plans
from engine.storage.repositories.triggers import TriggerRepository
from engine.storage.repositories.waits import WaitRepository
from engine.storage.repositories.workflows import WorkflowRepository
from engine.usecases.journal import Clock, Journal
from engine.usecases.services import Limits, Services
from engine.usecases.triggers.announcing import Announcer
from engine.usecases.turns import Turns


def build_services(
    settings: Settings,
    store: DocumentStore,
    *,
    bus: MessageBus,
    hub: Hub,
    kinds: StepKindCatalogue,
    clock: Clock,
    random_bytes: RandomBytes,
    secrets: SecretSource,
) -> Services:
    workflows = WorkflowRepository(store)
    plans = Plans(workflows, kinds)
    triggers = TriggerRepository(store)
    executions = ExecutionRepository(store, plans, retention=settings.retention)
    return Services(
        store=store,
        bus=bus,
        workflows=workflows,
        executions=executions,
        queries=ExecutionQueries(store),
        plans=plans,
        batches=BatchRepository(store),
        waits=WaitRepository(store),
        idempotency=IdempotencyRepository(store),
        concurrency=ConcurrencyRepository(store),
        triggers=triggers,
        deliveries=DeliveryRepository(store),
        journal=Journal(
            executions,
            bus,
            clock,
            exclusive=store.exclusive,
            random_bytes=random_bytes,
            announcer=Announcer(triggers, exclusive=store.exclusive),
        ),
        hub=hub,
        kinds=kinds,
        secrets=secrets,
        limits=Limits(definition=DefinitionLimits()),
        turns=Turns(),
        clock=clock,
        random_bytes=random_bytes,
        adapters={"store": settings.store, "bus": settings.bus},
        lanes=settings.lanes,
        public_url=settings.reached_at,
        trigger_topics=None if settings.trigger_topics is None else frozenset(settings.trigger_topics),
        started_at=clock(),
        version=version("weft"),
    )
