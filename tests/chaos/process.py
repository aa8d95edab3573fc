"""A process of a simulation: one real engine, with a clock, a store connection and a bus connection of its own.

It can be killed and stopped like an operating system's process: whatever it was doing just does not go on. No `finally` runs, no
lease is given back; requests that were on their way arrive.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import copy_context
from random import Random
from typing import Any, TypeVar

from engine.bootstrap import Engine, open_engine
from engine.domain.errors import Unavailable
from engine.executors.script import parse_scripts
from engine.settings import Settings
from engine.usecases.journal import Clock
from tests.chaos.effects import EFFECTS, Effects
from tests.chaos.faults import Faults
from tests.chaos.sim_bus import Exchange, SimBus
from tests.chaos.sim_database import Database
from tests.chaos.sim_store import SimStore
from tests.chaos.trace import Trace
from tests.chaos.virtual_loop import OWNER, Owner
from weft.trigger_work import triggers_at_work

T = TypeVar("T")

SCRIPTS = parse_scripts("""
models:
  short:
    delay: 300ms
    price: {input: 1000.0, output: 2000.0}
    replies:
      - when: {attempts: [1], contains: unlucky}
        error: {status: 429}
      - reply: "one two three"
  tools:
    delay: 200ms
    replies:
      - when: {call: 1}
        tool_calls: [{name: chaos_count, args: {n: 1}}]
      - reply: "it is 2"
""")


class Gone(Exception):
    """The process died before it answered."""


class World:
    """What the processes of one simulation share."""

    def __init__(self, seed: str, database: Database) -> None:
        self.faults = Faults(seed)
        self.database = database
        self.exchange = Exchange(self.faults)
        self.trace = Trace()
        self.effects = Effects(self.trace)
        self.violations: list[str] = []
        self.triggers = False
        """Whether processes look after triggers."""
        self._tasks: set[asyncio.Task[None]] = set()

    def violated(self, what: str) -> None:
        """Violations are gathered, so that one does not hide another."""
        self.violations.append(what)
        self.trace.add("VIOLATED", what)

    def later(self, what: Coroutine[Any, Any, None]) -> None:
        """Something that nobody waits for."""
        task = asyncio.get_running_loop().create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Process(Owner):
    """`name` is unique: a restarted one has a new name."""

    def __init__(self, world: World, name: str, settings: Settings, *, clock: Clock, seed: str) -> None:
        super().__init__(name)
        self._world = world
        self._settings = settings
        self._clock = clock
        self._random = Random(seed)
        self.store = SimStore(world.database, world.faults, client=name)
        self.bus = SimBus(world.exchange)
        self.engine: Engine | None = None
        self.died = asyncio.Event()
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()
        self._context = copy_context()
        self._context.run(OWNER.set, self)
        self._context.run(EFFECTS.set, world.effects)

    @property
    def running(self) -> bool:
        """Whether it answers requests."""
        return self.engine is not None and not self.stopped and not self.died.is_set() and not self._stop.is_set()

    # -------------------------------------------------------------- its life

    def start(self, serves: Callable[[Engine], None]) -> None:
        """`serves` is told whenever there is an engine."""
        self._spawn(self._live(serves))

    async def _live(self, serves: Callable[[Engine], None]) -> None:
        try:
            while not self._stop.is_set():
                try:
                    await self._serve(serves)
                except Unavailable as error:
                    self._world.trace.add(self.name, f"cannot start: {error}")
                    await asyncio.sleep(1)
        except Exception as error:  # noqa: BLE001 - whatever ends a process that should not end
            self._world.violated(f"{self.name} ended with {type(error).__name__}: {error}")
        finally:
            self._ended.set()

    async def _serve(self, serves: Callable[[Engine], None]) -> None:
        async with open_engine(
            self._settings,
            store=self.store,
            bus=self.bus,
            clock=self._clock,
            random_bytes=self._random.randbytes,
            scripts=SCRIPTS,
        ) as engine:
            self.engine = engine
            serves(engine)
            self._world.trace.add(self.name, f"serves as {engine.worker.worker_id if engine.worker else 'API'}")
            async with self._triggers(engine):
                await self._stop.wait()
            self.engine = None

    def _triggers(self, engine: Engine) -> AbstractAsyncContextManager[None]:
        return triggers_at_work(engine) if self._world.triggers else nullcontext()

    async def stop(self) -> None:
        """In order, as SIGTERM asks for."""
        self._world.trace.add(self.name, "stops in order")
        self._stop.set()
        await self._ended.wait()
        self._world.trace.add(self.name, "has stopped")
        self.died.set()
        await self.bus.disconnect()

    def kill(self) -> None:
        self._world.trace.add(self.name, "is killed")
        self.stopped = True
        self.engine = None
        self.bus.dead = self.store.dead = True
        self.died.set()

    def pause(self) -> None:
        self._world.trace.add(self.name, "is paused")
        self.stopped = True

    def resume(self) -> None:
        self._world.trace.add(self.name, "goes on")
        self.let_go()

    async def bury(self) -> None:
        """Ends what is left of a dead process, which can reach nothing any more."""
        self.bus.dead = self.store.dead = True
        self.let_go()
        for _ in range(50):
            if not self.tasks:
                return
            for task in list(self.tasks):
                task.cancel()
            await asyncio.sleep(1)

    # -------------------------------------------------------------- what others ask of it

    async def ask(self, request: Callable[[Engine], Awaitable[T]]) -> T:
        """What a request to this process gives. Raises `Gone`, or whatever the use case raises."""
        engine = self.engine
        if engine is None or self.stopped:
            raise Gone
        task = self._spawn(_awaited(request(engine)))
        died = asyncio.ensure_future(self.died.wait())
        try:
            await asyncio.wait([task, died], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            died.cancel()
        if not task.done():
            raise Gone
        return await task

    def _spawn(self, coroutine: "Awaitable[T]") -> "asyncio.Task[T]":
        return asyncio.get_running_loop().create_task(coroutine, context=self._context.copy())  # type: ignore[arg-type]  # a coroutine


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable
