"""Group commit: whatever waits is written in one transaction, and one sync to the disk serves all of it.

Statements run on the event loop, COMMIT with its sync in a thread. A statement takes microseconds, but in a thread it
must win the interpreter lock back from the loop each time: with a busy loop that made commits some eight times slower.
Until COMMIT nobody sees anything of the transaction, since reads have connections of their own.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from engine.domain.errors import Unavailable
from engine.storage.port import Conflict
from engine.storage.sqlite.changes import Change
from engine.storage.sqlite.errors import busy, unavailable

_WRITES_IN_TRANSACTION = 512
_WRITES_IN_A_ROW = 64
"""Then the event loop has a turn: about two milliseconds."""
_LOCK_RETRY_SECONDS = 0.01


class _Commit(msgspec.Struct, frozen=True):
    changes: Sequence[Change]
    done: asyncio.Future[None]


class GroupCommit:
    """Owns the connection that writes. With `database` None reads share it, and no transaction stays open while the
    event loop runs.
    """

    def __init__(self, connection: sqlite3.Connection, database: Path | None) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-commit") if database else None
        self._waiting: deque[_Commit] = deque()
        self._wake = asyncio.Event()
        self._in_a_row = 0
        self._lock_patience_seconds = 5.0
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="sqlite-group-commit")

    def submit(self, changes: Sequence[Change]) -> asyncio.Future[None]:
        """Resolves when the changes are on the disk. Cancelling the future has no influence on them."""
        if self._closed:
            raise Unavailable("the store is closed")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Commit(changes, done))
        self._wake.set()
        return done

    async def close(self) -> None:
        """Returns when everything that was submitted is decided, and closes the connection. If it is the last one, that
        moves the write-ahead log into the database file.
        """
        self._closed = True
        self._wake.set()
        await self._task
        self._cursor.close()
        await self._off_the_loop(self._connection.close)
        if self._thread is not None:
            self._thread.shutdown()

    async def _run(self) -> None:
        try:
            while self._waiting or not self._closed:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._transact()
        finally:
            self._closed = True
            for commit in self._waiting:  # none, unless this task was cancelled from outside
                commit.done.cancel()

    async def _transact(self) -> None:
        taken: list[_Commit] = []
        conflicts: list[Conflict | None] = []
        try:
            await self._begin()
            await self._write(taken, conflicts)
            await self._off_the_loop(self._commit)
        except asyncio.CancelledError:
            for commit in taken:
                commit.done.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - every caller in the transaction gets it
            self._fail(taken or self._take_waiting(), error)
        else:
            for commit, conflict in zip(taken, conflicts, strict=True):
                _resolve(commit.done, conflict)

    async def _begin(self) -> None:
        """Waits, off the loop, for whoever else has the database locked, such as a person at the sqlite3 shell."""
        deadline = asyncio.get_running_loop().time() + self._lock_patience_seconds
        while True:
            try:
                self._cursor.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not busy(error) or asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(_LOCK_RETRY_SECONDS)
            else:
                return

    async def _write(self, taken: list[_Commit], conflicts: list[Conflict | None]) -> None:
        """Also takes what arrives meanwhile, up to a bound."""
        written = 0
        while self._waiting and written < _WRITES_IN_TRANSACTION:
            commit = self._waiting.popleft()
            taken.append(commit)
            conflicts.append(await self._apply(commit.changes))
            written += len(commit.changes)

    async def _apply(self, changes: Sequence[Change]) -> Conflict | None:
        """All changes, or none and the reason."""
        rows = []
        for change in changes:
            row = change.table.find(self._cursor, change.parent, change.id)
            if not change.fits(row):
                return Conflict(f"{change.parent}/{change.id}")
            rows.append(row)
        for change, row in zip(changes, rows, strict=True):
            change.apply(self._cursor, row)
            self._in_a_row += 1
            if self._thread is not None and self._in_a_row >= _WRITES_IN_A_ROW:
                self._in_a_row = 0
                await asyncio.sleep(0)
        return None

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    async def _off_the_loop(self, work: Callable[[], None]) -> None:
        """`work` returns nothing: a cursor that lives on in a future would keep a closed connection open."""
        if self._thread is None:
            work()
        else:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _take_waiting(self) -> list[_Commit]:
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def _fail(self, commits: Sequence[_Commit], error: Exception) -> None:
        """Nothing of the transaction was applied. After some errors SQLite has rolled back by itself."""
        for commit in commits:
            _resolve(commit.done, unavailable(error) if isinstance(error, sqlite3.Error) else error)
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _resolve(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():  # its caller was cancelled
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
