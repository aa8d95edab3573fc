"""The embedded store's file: who may open it, what survives, and what is refused untouched."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engine.storage.port import Create, Filter, Op, Order
from engine.storage.sqlite import CannotOpenStore, SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weft.db"


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes | bytearray) -> None:
    path.write_bytes(content)


def names_in(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.close()


async def test_what_was_committed_is_there_after_reopening(path: Path) -> None:
    log = "tenants/t/executions/e/log/0000000001"
    first = await SqliteStore.open(path)
    await first.commit([Create(path=log, body=b"page", fields={"last_seq": 7})])
    await first.close()
    second = await SqliteStore.open(path)
    found = await second.get(log)
    await second.close()
    assert found is not None
    assert (found.rev, found.body, dict(found.fields)) == (1, b"page", {"last_seq": 7})


async def test_directories_are_made_and_closing_leaves_the_database_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "data" / "weft.db"
    store = await SqliteStore.open(path)
    await store.commit([Create(path="tenants/t", body=b"")])
    await store.close()
    assert names_in(path.parent) == ["weft.db", "weft.db.lock"]


async def test_a_second_opening_is_refused_with_the_file_and_its_process(path: Path) -> None:
    store = await SqliteStore.open(path)
    with pytest.raises(CannotOpenStore, match=f"{path} is in use by process {os.getpid()}"):
        await SqliteStore.open(path)
    await store.close()
    await (await SqliteStore.open(path)).close()


async def test_a_store_in_memory_is_for_itself() -> None:
    one, other = await SqliteStore.open(None), await SqliteStore.open(None)
    await one.commit([Create(path="tenants/t", body=b"")])
    assert await other.get("tenants/t") is None
    assert one.exclusive
    await one.close()
    await other.close()


_WRITER = """
import asyncio, sys
from pathlib import Path
from engine.storage.port import Create
from engine.storage.sqlite import SqliteStore

async def write(store, worker):
    for n in range(100_000):
        await store.commit([Create(path=f"tenants/t/executions/{worker}-{n}{half}", body=b"x") for half in "ab"])
        print(f"{worker}-{n}", flush=True)

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    await asyncio.gather(*(write(store, worker) for worker in range(8)))

asyncio.run(main())
"""


def start_writer(path: Path) -> subprocess.Popen[str]:
    """Prints a line for each acknowledged commit of two documents."""
    return subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True)


async def test_a_killed_process_leaves_every_acknowledged_commit_whole_and_no_lock(path: Path) -> None:
    writer = start_writer(path)
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(200)]
    with pytest.raises(CannotOpenStore, match=f"in use by process {writer.pid}"):
        await SqliteStore.open(path)
    writer.send_signal(signal.SIGKILL)
    acknowledged += writer.stdout.read().split("\n")[:-1]  # whole lines
    writer.stdout.close()
    writer.wait()
    store = await SqliteStore.open(path)
    found = {each.id for each in await store.query("tenants/t/executions", limit=1_000_000)}
    await store.close()
    assert {f"{each}{half}" for each in acknowledged for half in "ab"} <= found
    assert {each[:-1] + "a" for each in found} == {each for each in found if each.endswith("a")}


@pytest.mark.parametrize("content", [b"this is not a database, it is a text of some length" * 40, b"\x00" * 5000])
async def test_a_file_that_is_no_database_is_refused_and_stays_as_it_was(path: Path, content: bytes) -> None:
    write(path, content)
    with pytest.raises(CannotOpenStore, match=str(path)):
        await SqliteStore.open(path)
    assert content_of(path) == content


async def test_a_damaged_database_is_refused(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    content = bytearray(content_of(path))
    content[100:4096] = b"\xff" * 3996  # the page that lists the tables
    write(path, content)
    with pytest.raises(CannotOpenStore, match=str(path)):
        await SqliteStore.open(path)
    assert content_of(path) == content


async def test_a_database_of_somebody_else_is_refused_and_stays_as_it_was(path: Path) -> None:
    execute(path, "CREATE TABLE customers (name TEXT)")
    content = content_of(path)
    with pytest.raises(CannotOpenStore, match="not one of Weft's"):
        await SqliteStore.open(path)
    assert content_of(path) == content


async def test_a_newer_schema_version_is_refused_and_stays_as_it_was(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    execute(path, "PRAGMA user_version = 99")
    content = content_of(path)
    with pytest.raises(CannotOpenStore, match="schema version is 99"):
        await SqliteStore.open(path)
    assert content_of(path) == content
    execute(path, "PRAGMA user_version = 1")
    await (await SqliteStore.open(path)).close()


async def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    write(tmp_path / "file", b"")
    with pytest.raises(CannotOpenStore, match="file"):
        await SqliteStore.open(tmp_path / "file" / "weft.db")


async def test_a_read_that_works_long_does_not_hold_the_loop(path: Path) -> None:
    """What no index answers alone is read in a thread, beside the loop."""
    store = await SqliteStore.open(path)
    filters = (Filter("workflow_id", Op.EQ, "w"), Filter("trigger_id", Op.EQ, "x"))
    reading = asyncio.create_task(
        store.query("tenants/t/executions", filters=filters, order=(Order("created_at"),), limit=1)
    )
    await asyncio.sleep(0)
    assert not reading.done()
    assert await reading == []
    await store.close()
