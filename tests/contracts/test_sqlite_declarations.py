"""A file is brought to what is declared now, whatever was declared when it was made."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.storage.indexes import COLLECTIONS, Collection, FieldType, Shape
from engine.storage.port import Filter, Op, Order
from engine.storage.sqlite import CannotOpenStore, SqliteStore
from engine.storage.sqlite.database import open_database
from engine.storage.sqlite.tables import Table

PARENT = "tenants/t/workflows"
TODAY = COLLECTIONS["workflows"]
ONCE = Collection(
    name="workflows",
    fields={"name": FieldType.STRING, "labels": FieldType.STRINGS, "expire_at": FieldType.TIME},
    shapes=(Shape(), Shape(orders=((Order("expire_at"),),))),
)
"""Fewer fields, no CONTAINS, and an index that nobody declares today."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weft.db"


def make(path: Path, collections: Iterable[Collection]) -> None:
    open_database(path, collections).close()


def indexes(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    names = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}
    connection.close()
    return names


async def test_fields_collections_and_contains_are_added_to_what_is_stored(path: Path) -> None:
    connection = open_database(path, [ONCE])
    table, cursor = Table(ONCE), connection.cursor()
    table.insert(cursor, PARENT, "old", table.encode({"name": "old", "labels": ("a", "b", "b")}), b"kept")
    cursor.close()
    connection.close()
    store = await SqliteStore.open(path)
    old = await store.get(f"{PARENT}/old")
    label, by_name = Filter("labels", Op.CONTAINS, "b"), (Order("name"),)
    found = await store.query(PARENT, filters=(label,), order=by_name, limit=9)
    assert await store.get("tenants/t/executions/none") is None
    await store.close()
    assert old is not None
    assert (old.rev, old.body, dict(old.fields)) == (1, b"kept", {"name": "old", "labels": ("a", "b", "b")})
    assert [each.id for each in found] == ["old"]


def test_an_index_without_declaration_is_dropped(path: Path) -> None:
    make(path, [ONCE])
    assert "workflows__parent__expire_at__id" in indexes(path)
    make(path, [TODAY])
    assert "workflows__parent__expire_at__id" not in indexes(path)


def test_opening_again_writes_nothing(path: Path) -> None:
    make(path, COLLECTIONS.values())
    before = path.read_bytes()
    make(path, COLLECTIONS.values())
    assert path.read_bytes() == before


@pytest.mark.parametrize("newer", ["ALTER TABLE workflows ADD COLUMN mood TEXT", "CREATE TABLE moods (name TEXT)"])
def test_what_no_declaration_knows_is_refused_and_stays_as_it_was(path: Path, newer: str) -> None:
    make(path, [TODAY])
    changed = sqlite3.connect(path)
    changed.execute(newer)
    changed.close()
    before = path.read_bytes()
    with pytest.raises(CannotOpenStore, match="mood"):
        make(path, COLLECTIONS.values())
    assert path.read_bytes() == before
