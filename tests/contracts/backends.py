"""Who has to keep the contracts of `storage/port.py` and `bus/port.py`. A new adapter is one more entry here."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

from engine.bus.local import LocalBus
from engine.bus.port import MessageBus
from engine.bus.pubsub import PubSubBus
from engine.bus.pubsub.tuning import Tuning
from engine.storage.firestore import FirestoreStore
from engine.storage.port import DocumentStore
from engine.storage.sqlite import SqliteStore
from tests.chaos.faults import Faults
from tests.chaos.sim_bus import Exchange, SimBus
from tests.chaos.sim_database import Database
from tests.chaos.sim_store import SimStore
from tests.emulators import Emulators, project_id

OpenStore = Callable[[], AbstractAsyncContextManager[DocumentStore]]
"""Each call gives an empty store of its own."""


def _sqlite_in_memory(_directory: Path, _emulators: Emulators) -> OpenStore:
    return lambda: _sqlite(None)


def _sqlite_file(directory: Path, _emulators: Emulators) -> OpenStore:
    numbers = count()
    return lambda: _sqlite(directory / f"{next(numbers)}.db")


def _firestore(_directory: Path, emulators: Emulators) -> OpenStore:
    return lambda: _firestore_emulated(emulators.firestore)


@asynccontextmanager
async def _firestore_emulated(address: str) -> AsyncIterator[DocumentStore]:
    store = await FirestoreStore.open(project=project_id(), database="(default)", emulator=address)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _sqlite(path: Path | None) -> AsyncIterator[DocumentStore]:
    store = await SqliteStore.open(path)
    try:
        yield store
    finally:
        await store.close()


async def _local(_emulators: Emulators) -> MessageBus:
    return LocalBus(redelivery_seconds=(0.001,) * 5)


@asynccontextmanager
async def _simulated_store() -> AsyncIterator[DocumentStore]:
    yield SimStore(Database(), Faults())


def _simulated(_directory: Path, _emulators: Emulators) -> OpenStore:
    return _simulated_store


async def _simulated_bus(_emulators: Emulators) -> MessageBus:
    return SimBus(Exchange(Faults(), redelivery_seconds=(0.001,) * 5))


async def _pubsub(emulators: Emulators, *, streaming: bool) -> MessageBus:
    tuning = Tuning(redelivery_seconds=(0.0,))  # the emulator itself takes a second
    return await PubSubBus.open(project_id(), emulators.pubsub, provision=True, streaming=streaming, tuning=tuning)


STORES: dict[str, Callable[[Path, Emulators], OpenStore]] = {
    "sqlite in memory": _sqlite_in_memory,
    "sqlite file": _sqlite_file,
    "firestore": _firestore,
    "simulated": _simulated,
}
BUSES: dict[str, Callable[[Emulators], Awaitable[MessageBus]]] = {
    "local": _local,
    "simulated": _simulated_bus,
    "pubsub": partial(_pubsub, streaming=False),
    "pubsub streaming": partial(_pubsub, streaming=True),
}
SHOW_PARTS = frozenset({"firestore"})
"""Firestore's emulator applies a commit document by document, and readers see how far it is, in read-only transactions too (12 of 200
tries with 400 writes). The service's commits are atomic.
"""
