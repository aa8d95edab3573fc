"""Callers of the API: they start, answer, change and watch executions, and try again where they got no answer."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import TypeVar

import msgspec

from engine.bootstrap import Engine
from engine.domain.errors import Unavailable, WeftError
from engine.domain.events import Entry
from engine.domain.ids import TenantId
from engine.usecases.caller import Caller, Role
from engine.usecases.watch_batch import watch_batch
from engine.usecases.watch_execution import watch_execution
from tests.chaos.cluster import Cluster
from tests.chaos.faults import Fault
from tests.chaos.process import Gone, World
from tests.chaos.watchman import Watchman

T = TypeVar("T")

CALLER = Caller(tenant=TenantId("local"), principal="tester", role=Role.ADMIN)


class NoAnswer(Exception):
    """What became of the request is not known."""


class Refused(Exception):
    """The request was answered with an error that it must not be answered with."""


class Clients:
    """What they know: `accepted` are executions that they were told exist; `by_key` the ids that one key led to."""

    def __init__(self, world: World, cluster: Cluster, watchman: Watchman, random: Random) -> None:
        self.world = world
        self.random = random
        self.watchman = watchman
        self.accepted: dict[str, None] = {}
        self.by_key: dict[str, set[str]] = {}
        self.seen: list[tuple[str, list[bytes]]] = []
        """What each watcher saw of an execution."""
        self._cluster = cluster
        self._followers: list[asyncio.Task[None]] = []

    async def ask(self, request: Callable[[Engine], Awaitable[T]], *, allowed: tuple[type[WeftError], ...] = ()) -> T:
        """Raises `NoAnswer`, and what is `allowed`; any other error is a violation (`Refused`)."""
        faults = self.world.faults
        patience = faults.random.random() * 0.02 if faults.hit(Fault.HUNG_UP) else faults.random.uniform(5.0, 40.0)
        try:
            async with asyncio.timeout(patience):
                return await self._cluster.ask(request)
        except (Gone, TimeoutError, Unavailable) as error:
            raise NoAnswer(repr(error)) from error
        except allowed:
            raise
        except (WeftError, AssertionError, LookupError, TypeError, ValueError) as error:
            self.watchman.violated(f"a request was answered with {type(error).__name__}: {error}")
            raise Refused(repr(error)) from error

    async def insist(
        self, request: Callable[[Engine], Awaitable[T]], *, allowed: tuple[type[WeftError], ...] = ()
    ) -> T:
        """Again and again, until there is an answer."""
        while True:
            try:
                return await self.ask(request, allowed=allowed)
            except NoAnswer:
                await asyncio.sleep(self.random.random() * 5.0)

    async def rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def told(self, execution_id: str) -> None:
        """An execution was accepted; some are watched from now on."""
        if execution_id in self.accepted:
            return
        self.accepted[execution_id] = None
        for _ in range(self.random.choice([0, 1, 1, 2])):
            self._followers.append(asyncio.create_task(self._follow(execution_id)))

    def watch_batch(self, batch_id: str) -> None:
        self._followers.append(asyncio.create_task(self._until_done(batch_id)))

    # -------------------------------------------------------------- watching

    async def _follow(self, execution_id: str) -> None:
        """From any process, coming back with the last seq seen whenever the stream breaks off."""
        seen: list[bytes] = []
        self.seen.append((execution_id, seen))
        ended = False
        while not ended:
            stream = _Stream(self.watchman, execution_id, seen)
            try:
                ended = await self.ask(stream.read)
            except NoAnswer:
                await asyncio.sleep(self.random.random())
            except Refused:
                return
            finally:
                stream.open = False

    async def _until_done(self, batch_id: str) -> None:
        """Watches a batch to its end, wherever it is answered."""
        try:
            await self.insist(partial(_to_its_end, batch_id))
        except Refused:
            return

    async def followed(self) -> None:
        """Once every watcher has seen the end."""
        await asyncio.gather(*self._followers)


async def _to_its_end(batch_id: str, engine: Engine) -> None:
    async for _ in watch_batch(engine.services, CALLER, batch_id):
        pass


class _Stream:
    """One connection. The process at its other end may go on after the client has left."""

    def __init__(self, watchman: Watchman, execution_id: str, seen: list[bytes]) -> None:
        self._watchman = watchman
        self._execution_id = execution_id
        self._seen = seen
        self._ephemeral = len(seen) % 2 == 0
        self.open = True

    async def read(self, engine: Engine) -> bool:
        entries = watch_execution(
            engine.services, CALLER, self._execution_id, after=len(self._seen), ephemeral=self._ephemeral
        )
        async for entry in entries:
            if not self.open:
                return False
            if entry.seq is not None:
                self._take(entry)
        return self.open

    def _take(self, entry: Entry) -> None:
        if entry.seq != len(self._seen) + 1:
            self._watchman.violated(f"{self._execution_id}: a watcher got {entry.seq} after {len(self._seen)}")
        self._seen.append(msgspec.json.encode(entry.event))
