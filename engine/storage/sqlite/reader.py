"""Reads, on connections that see the last commit and never wait for a writer.

Short ones run on the event loop: a point read takes some ten microseconds there, and several times that by way of a
thread. Those whose work grows with what is stored run in threads.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engine.storage.sqlite.database import connect
from engine.storage.sqlite.errors import unavailable

Parameters = Sequence[Any] | Mapping[str, Any]
Rows = list[tuple[Any, ...]]
_THREADS = 2


class Reader:
    """`database` None: everything runs on `connection`, which is the one that writes, and thus on the event loop."""

    def __init__(self, connection: sqlite3.Connection, database: Path | None) -> None:
        self._inline = connect(database) if database else connection
        self._free = [connect(database) for _ in range(_THREADS)] if database else []
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sqlite-read") if database else None
        self._cursor = self._inline.cursor()

    def fetch(self, sql: str, parameters: Parameters) -> Rows:
        """Raises `Unavailable`."""
        try:
            return self._cursor.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise unavailable(error) from error

    async def fetch_aside(self, sql: str, parameters: Parameters) -> Rows:
        """Raises `Unavailable`."""
        if self._threads is None:
            return self.fetch(sql, parameters)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._fetch_in_thread, sql, parameters)

    def _fetch_in_thread(self, sql: str, parameters: Parameters) -> Rows:
        connection = self._free.pop()  # there is one for each thread
        try:
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise unavailable(error) from error
        finally:
            self._free.append(connection)

    async def close(self) -> None:
        self._cursor.close()
        if self._threads is not None:
            await asyncio.to_thread(self._threads.shutdown)
            for connection in (self._inline, *self._free):
                connection.close()
