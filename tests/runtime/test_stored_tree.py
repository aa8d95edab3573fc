"""Which documents have others below them: Firestore's expiry must not delete those, for it would leave the others behind."""

import sqlite3
from contextlib import closing
from pathlib import Path

from engine.domain.batch import BatchMode
from engine.settings import Settings
from engine.storage.firestore.index_plan import PARENTS
from engine.usecases.start_execution import StartExecution
from engine.usecases.start_executions import start_executions
from tests.runtime.client import call
from tests.runtime.conftest import OpenEngine


def collections_with_something_below(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        collections: set[str] = set()
        for (table,) in tables.fetchall():
            if "parent" in {column for _, column, *_ in connection.execute(f"PRAGMA table_info({table})")}:
                collections.update(path for (path,) in connection.execute(f"SELECT DISTINCT parent FROM {table}"))
    return {segment for path in collections for segment in path.split("/")[:-1:2]}


async def test_the_collections_with_others_below_are_those_that_firestore_may_not_expire(
    opened: OpenEngine, settings: Settings
) -> None:
    items = [StartExecution(workflow="test", input={"size": size}) for size in (1, 2)]
    async with opened() as client:
        await client.define(
            call("large", "echo", {"value": "x" * 100_000}),
            {
                "id": "each",
                "kind": "map",
                "with": {"items": [1, 2, 3], "steps": [call("item", "add", {"a": "${ item }"})]},
            },
        )
        await client.run(idempotency_key="once", input={"size": 0})
        await start_executions(client.services, client.caller, items, BatchMode.BEST_EFFORT, None)
    (database,) = settings.data_dir.glob("*.db")
    found = collections_with_something_below(database)
    assert {"tenants", "workflows", "executions", "batches"} <= found <= PARENTS
