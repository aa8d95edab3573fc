"""Firestore stores over the emulator, for tests that look behind the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.storage.firestore.database import Database
from engine.storage.firestore.grpc_calls import GrpcCalls
from engine.storage.firestore.patience import Patience
from engine.storage.firestore.store import FirestoreStore
from tests.contracts.failing_calls import FailingCalls
from tests.emulators import Emulators, project_id

QUICK = Patience(first_delay_seconds=0.001, longest_delay_seconds=0.01)
"""As patient as ever, for a machine with other work, and without long pauses."""
IMPATIENT = Patience(
    read_budget_seconds=0.1, commit_budget_seconds=0.1, first_delay_seconds=0.001, longest_delay_seconds=0.01
)
"""For what fails for ever."""


def new_database(emulators: Emulators) -> Database:
    return Database(project=project_id(), database="(default)", emulator=emulators.firestore)


@asynccontextmanager
async def failing_store(
    database: Database, patience: Patience = QUICK
) -> AsyncIterator[tuple[FirestoreStore, FailingCalls]]:
    """Several of one database are as several processes."""
    calls = FailingCalls(GrpcCalls(database, None))
    store = FirestoreStore(database, calls, patience)
    try:
        yield store, calls
    finally:
        await store.close()
