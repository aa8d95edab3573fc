"""What use cases work with, built once by `bootstrap.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.bus.port import MessageBus
from engine.domain.ids import RandomBytes, mint
from engine.domain.kinds import Kinds
from engine.domain.validation import DefinitionLimits
from engine.secrets.port import SecretSource
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
from engine.usecases.journal import Journal
from engine.usecases.live import LiveHub
from engine.usecases.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes and counts; each has its error."""

    definition: DefinitionLimits
    input_bytes: int = 1024 * 1024
    output_bytes: int = 16 * 1024 * 1024
    log_events: int = 100_000
    batch_items: int = 1000
    idempotency_window: timedelta = timedelta(days=7)
    event_bytes: int = 512 * 1024
    """Of an event as JSON: its delivery keeps it."""
    deliveries_kept: timedelta = timedelta(days=30)
    dead_letters_kept: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`adapters` names the store and the bus for people; `public_url` is where others reach the server; `trigger_topics` are the topics
    and subscriptions that triggers may name, None: any that are not the engine's.
    """

    store: DocumentStore
    bus: MessageBus
    workflows: WorkflowRepository
    executions: ExecutionRepository
    queries: ExecutionQueries
    plans: Plans
    batches: BatchRepository
    waits: WaitRepository
    idempotency: IdempotencyRepository
    concurrency: ConcurrencyRepository
    triggers: TriggerRepository
    deliveries: DeliveryRepository
    journal: Journal
    hub: LiveHub
    kinds: Kinds
    secrets: SecretSource
    limits: Limits
    turns: Turns
    clock: Callable[[], datetime]
    random_bytes: RandomBytes
    adapters: Mapping[str, str]
    lanes: Mapping[str, int]
    public_url: str
    trigger_topics: frozenset[str] | None
    started_at: datetime
    version: str

    def mint(self, prefix: str) -> str:
        return mint(prefix, self.random_bytes)
