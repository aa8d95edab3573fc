"""Brings a database to what is declared: whatever a file lacks is added, in the transaction of the caller."""
# ruff: noqa: S608 - the SQL is put together from declared names; values are parameters

import sqlite3
from collections.abc import Iterable

from engine.storage.indexes import Collection
from engine.storage.sqlite.errors import IncompatibleFile
from engine.storage.sqlite.schema import (
    Members,
    TableSpec,
    document_table,
    indexes,
    member_table,
    members_of,
)


def declare(connection: sqlite3.Connection, collections: Iterable[Collection]) -> None:
    """Raises `IncompatibleFile` for a table or column that no declaration knows: writing would lose what is in it."""
    declared = list(collections)
    names = {each.name for each in declared} | {members.table for each in declared for members in members_of(each)}
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        if table not in names:
            raise IncompatibleFile(f"its table {table} is of a newer version of Weft")
    for collection in declared:
        _complete(connection, document_table(collection))
        for members in members_of(collection):
            _rebuild(connection, collection, members)
    _reindex(connection, declared)


def _complete(connection: sqlite3.Connection, table: TableSpec) -> None:
    stored = _columns(connection, table.name)
    if not stored:
        connection.execute(table.sql)
        return
    unknown = stored - {column.split()[0] for column in (*table.fixed, *table.last)} - set(table.fields)
    if unknown:
        raise IncompatibleFile(f"its column {table.name}.{min(unknown)} is of a newer version of Weft")
    for name, kind in table.fields.items():
        if name not in stored:
            connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}")


def _rebuild(connection: sqlite3.Connection, collection: Collection, members: Members) -> None:
    """Members repeat what documents hold, so a table that is not as declared is made anew from them."""
    table = member_table(collection, members)
    if _columns(connection, table.name) == set(members.columns):
        return
    connection.execute(f"DROP TABLE IF EXISTS {table.name}")
    connection.execute(table.sql)
    carried = "".join(f", d.{name}" for name in members.carried)
    connection.execute(
        f"INSERT OR IGNORE INTO {table.name} ({', '.join(members.columns)}) "
        f"SELECT d.key, m.value, d.parent, d.id{carried} FROM {collection.name} AS d, json_each(d.{members.field}) AS m"
    )


def _reindex(connection: sqlite3.Connection, collections: Iterable[Collection]) -> None:
    wanted = {index.name: index for collection in collections for index in indexes(collection)}
    stored = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    }
    for name in stored - wanted.keys():
        connection.execute(f"DROP INDEX {name}")
    for name in wanted.keys() - stored:
        connection.execute(wanted[name].sql)


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """Empty if there is no such table."""
    return {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
