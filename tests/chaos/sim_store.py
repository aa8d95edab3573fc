"""The store of a simulation: one truth in memory, and a connection to it for each process, on which things go wrong."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from engine.domain.errors import Unavailable
from engine.storage.port import Conflict, Document, DocumentStore, FieldValue, Filter, Order, Write
from tests.chaos.faults import Fault, Faults
from tests.chaos.sim_database import Database
from tests.chaos.virtual_loop import NOBODY

T = TypeVar("T")

START = datetime(2026, 1, 1, tzinfo=UTC)


def true_time() -> datetime:
    return START + timedelta(seconds=asyncio.get_running_loop().time())


class SimStore(DocumentStore):
    """A process's connection. `cut`: nothing gets through in either direction; requests under way are answered or not as it comes."""

    exclusive = False

    def __init__(self, database: Database, faults: Faults, client: str = "") -> None:
        self._database = database
        self._faults = faults
        self._client = client
        self._under_way: dict[asyncio.Future[None], None] = {}
        self._closed = False
        self.cut = False
        self.dead = False

    async def now(self) -> datetime | None:
        return await self._read(true_time)

    async def get(self, path: str) -> Document | None:
        return await self._read(lambda: self._database.get(path))

    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        return await self._read(lambda: [self._database.get(path) for path in paths])

    async def query(
        self,
        collection: str,
        *,
        filters: Sequence[Filter] = (),
        order: Sequence[Order] = (),
        start_after: Sequence[FieldValue] | None = None,
        limit: int,
        bodies_only: bool = False,
    ) -> list[Document]:
        del bodies_only  # it may leave them out, and need not
        return await self._read(lambda: self._database.page(collection, filters, order, start_after, limit))

    async def count(self, collection: str, *, filters: Sequence[Filter] = ()) -> int:
        return await self._read(lambda: self._database.count(collection, filters))

    async def commit(self, writes: Sequence[Write]) -> None:
        self._check_open()
        if not writes:
            return
        faults = self._faults
        there, back = faults.delay(Fault.SLOW_COMMIT), faults.delay(Fault.SLOW_COMMIT)
        applies, answers = True, True
        if self.cut or faults.hit(Fault.REFUSED):
            applies, answers = False, False
        elif faults.hit(Fault.UNACKNOWLEDGED):
            answers = False
        elif faults.hit(Fault.TIMED_OUT):
            applies, answers, back = faults.random.random() < 0.5, False, faults.latency.timeout
        elif faults.hit(Fault.LATE):
            applies, answers, back = False, False, faults.latency.timeout
            self._later(back + faults.random.uniform(0.0, 2 * back), lambda: self._apply_late(writes))
        work = (lambda: self._database.commit(writes, by=self._client)) if applies else None
        await self._request(work, there, back, answers=answers)

    def _apply_late(self, writes: Sequence[Write]) -> None:
        """Nobody is told what became of it."""
        try:
            self._database.commit(writes, by=self._client)
        except Conflict:
            return

    async def close(self) -> None:
        self._closed = True
        while self._under_way:
            await asyncio.wait(list(self._under_way))

    async def _read(self, work: Callable[[], T]) -> T:
        self._check_open()
        faults = self._faults
        answers = not self.cut and not faults.hit(Fault.READ_FAILED)
        found: T | None = await self._request(
            work, faults.delay(Fault.SLOW_READ), faults.delay(Fault.SLOW_READ), answers=answers
        )
        return found  # type: ignore[return-value]  # None only where T has it

    async def _request(self, work: Callable[[], T] | None, there: float, back: float, *, answers: bool) -> T | None:
        """The work is done at the store, whatever becomes of the caller meanwhile."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T | None] = loop.create_future()
        done: asyncio.Future[None] = loop.create_future()
        self._under_way[done] = None

        def arrive() -> None:
            result: T | None = None
            error: BaseException | None = None
            try:
                result = work() if work is not None else None
            except Exception as raised:  # noqa: BLE001 - the caller is told
                error = raised
            if not answers:
                error = Unavailable("the store did not answer")
            self._later(back, lambda: reply(result, error))

        def reply(result: T | None, error: BaseException | None) -> None:
            self._under_way.pop(done, None)
            done.set_result(None)
            if answer.done():
                return
            if error is None and self.cut:
                error = Unavailable("the connection to the store is broken")
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        self._later(there, arrive)
        return await answer

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        if self._faults.instant:
            loop.call_soon(call, context=NOBODY)
        else:
            loop.call_later(seconds, call, context=NOBODY)

    def _check_open(self) -> None:
        if self.dead:
            raise asyncio.CancelledError
        if self._closed:
            raise Unavailable("the store is closed")
