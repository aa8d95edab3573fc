"""What the embedded store does when the disk, or somebody else, does not let it write."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.domain.errors import Unavailable
from engine.storage.port import Conflict, Create, Put
from engine.storage.sqlite import SqliteStore

A = "tenants/t/executions/a"
BIG = b"x" * 500_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "weft.db")
    yield opened
    await opened.close()


def leave_room_for(store: SqliteStore, pages: int) -> None:
    """A file that may not grow fails as a full disk does."""
    connection = store._commits._connection
    (used,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {used + pages}")


async def test_a_full_disk_refuses_the_commit_and_keeps_what_was_there(store: SqliteStore) -> None:
    await store.commit([Create(path=A, body=b"before")])
    leave_room_for(store, 3)
    with pytest.raises(Unavailable, match="full"):
        await store.commit([Put(path=A, body=b"after"), Create(path=f"{A}2", body=BIG)])
    found = await store.get(A)
    assert found is not None
    assert (found.rev, found.body) == (1, b"before")
    assert await store.get(f"{A}2") is None


async def test_the_store_works_again_when_there_is_room(store: SqliteStore) -> None:
    leave_room_for(store, 3)
    commits = [store.commit([Create(path=f"{A}{n}", body=BIG)]) for n in range(5)]
    results = await asyncio.gather(*commits, return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    leave_room_for(store, 100_000)
    await asyncio.gather(*(store.commit([Create(path=f"{A}{n}", body=BIG)]) for n in range(5)))
    assert await store.count("tenants/t/executions") == 5


async def test_what_fails_with_its_transaction_is_no_conflict(store: SqliteStore) -> None:
    """The rival it would have lost to was not written either."""
    leave_room_for(store, 3)
    rivals = [store.commit([Create(path=A, body=body)]) for body in (b"first", b"second")]
    results = await asyncio.gather(*rivals, store.commit([Create(path=f"{A}2", body=BIG)]), return_exceptions=True)
    assert all(isinstance(result, Unavailable) and not isinstance(result, Conflict) for result in results)
    assert await store.get(A) is None


async def test_a_commit_waits_for_somebody_who_has_the_database_locked(store: SqliteStore, tmp_path: Path) -> None:
    shell = sqlite3.connect(tmp_path / "weft.db", isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    commit = asyncio.create_task(store.commit([Create(path=A, body=b"")]))
    await asyncio.sleep(0.005)
    assert await store.get(A) is None
    assert not commit.done()
    shell.execute("ROLLBACK")
    await commit
    shell.close()
    assert await store.get(A) is not None


async def test_a_database_that_stays_locked_is_unavailable(store: SqliteStore, tmp_path: Path) -> None:
    store._commits._lock_patience_seconds = 0.0
    shell = sqlite3.connect(tmp_path / "weft.db", isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    commits = [store.commit([Create(path=f"{A}{n}", body=b"")]) for n in range(3)]
    results = await asyncio.gather(*commits, return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    shell.close()
    await store.commit([Create(path=A, body=b"")])


async def test_a_page_that_cannot_be_read_is_unavailable(store: SqliteStore) -> None:
    store._commits._connection.execute("DROP TABLE executions")
    with pytest.raises(Unavailable, match=r"^the store failed: no such table"):
        await store.get(A)
    with pytest.raises(Unavailable, match=r"^the store failed: no such table"):
        await store.count("tenants/t/executions")
    with pytest.raises(Unavailable, match=r"^the store failed: no such table"):
        await store.commit([Create(path=A, body=b"")])
    await store.commit([Create(path="tenants/t", body=b"")])


async def test_large_commits_leave_the_loop_its_turns(store: SqliteStore) -> None:
    commit = asyncio.create_task(store.commit([Create(path=f"{A}{n}", body=b"") for n in range(400)]))
    turns = 0
    while await store.get(f"{A}0") is None:
        await asyncio.sleep(0)
        turns += 1
    await commit
    assert turns >= 3
