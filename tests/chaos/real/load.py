"""Starts executions over HTTP, answers those that wait for somebody, watches some, and knows when all have ended."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos.real.shapes import INNER_SHAPE, SHAPES, SIGNAL, Shape
from tests.chaos.real.watchers import Watcher
from tests.e2e.caller import CREATE, Caller, Refused
from tests.e2e.caller import SIGNAL as SEND

LOOK_SECONDS = 0.3
AT_ONCE = 100
"""Executions that are looked at in one request."""
WATCHED_SHARE = 0.15
KEYS = 4
"""Concurrency keys that executions share."""
TERMINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"})

STATUSES = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Execution { id status } } }"
WAITING = "{ waitingSteps(first: 100) { nodes { execution { id } step { stepId } } } }"
COMPLETE = """mutation ($id: ID!, $step: String!, $key: String) {
        completeStep(input: {executionId: $id, stepId: $step, output: {approved: true}, idempotencyKey: $key}) {
            execution { id } errors { code message }
        }
    }"""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """An execution that a caller was told exists."""

    id: str
    shape: Shape
    input: dict[str, Any]
    key: str


@dataclass
class Load:
    """`window` executions at most are under way at a time."""

    caller: Caller
    random: Random
    count: int
    window: int
    accepted: dict[str, Accepted] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    """Of those that have ended."""
    watchers: dict[str, Watcher] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def unfinished(self) -> list[str]:
        return [each for each in self.accepted if each not in self.statuses]

    async def prepare(self) -> None:
        for shape in (INNER_SHAPE, *SHAPES):
            await self.caller.insist(CREATE, definition=shape.definition)

    async def run(self, more: Callable[[], bool]) -> None:
        """Starts `count` executions, and others as long as there shall be `more`; until all have ended, and every watcher knows."""
        room = asyncio.Semaphore(self.window)
        async with asyncio.TaskGroup() as helping:
            looking = [helping.create_task(self._look(room)), helping.create_task(self._approve())]
            async with asyncio.TaskGroup() as starting:
                begun = 0
                while begun < self.count or more():
                    await room.acquire()
                    starting.create_task(self._start(SHAPES[begun % len(SHAPES)], starting))
                    begun += 1
            while self.unfinished:
                await asyncio.sleep(LOOK_SECONDS)
            for task in looking:
                task.cancel()

    async def start(self, shape: Shape) -> Accepted:
        number = next(self._numbers)
        given = {
            "n": number,
            "key": f"key-{self.random.randrange(KEYS)}",
            "seconds": self.random.choice([0.0, 0.1, 0.4, 1.2]),
        }
        key = f"{shape.name}-{number}"
        execution_id = await self.caller.start(shape.name, key=key, input=given)
        accepted = Accepted(id=execution_id, shape=shape, input=given, key=key)
        self.accepted[execution_id] = accepted
        return accepted

    async def _start(self, shape: Shape, tasks: asyncio.TaskGroup) -> None:
        accepted = await self.start(shape)
        if self.random.random() < WATCHED_SHARE:
            watcher = Watcher(self.caller.url, accepted.id, self.random)
            self.watchers[accepted.id] = watcher
            tasks.create_task(watcher.run())
        if accepted.shape.waits_for == "signal":
            await asyncio.sleep(self.random.random())
            payload = {"n": accepted.input["n"]}
            await self.caller.insist(SEND, id=accepted.id, name=SIGNAL, payload=payload, key=f"{accepted.key}-signal")

    async def _approve(self) -> None:
        """Until cancelled."""
        while True:
            for waiting in (await self.caller.insist(WAITING))["nodes"]:
                execution_id, step_id = waiting["execution"]["id"], waiting["step"]["stepId"]
                try:
                    await self.caller.insist(COMPLETE, id=execution_id, step=step_id, key=f"{execution_id}-{step_id}")
                except Refused as error:
                    if any(each["code"] not in ("INVALID_STATE", "NOT_FOUND") for each in error.errors):
                        raise
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, room: asyncio.Semaphore) -> None:
        """Until cancelled: which have ended."""
        while True:
            unfinished = self.unfinished
            for start in range(0, len(unfinished), AT_ONCE):
                some = unfinished[start : start + AT_ONCE]
                for execution_id, found in zip(some, await self.caller.insist(STATUSES, ids=some), strict=True):
                    assert found is not None, f"{execution_id} was accepted and is not there"
                    if found["status"] in TERMINAL:
                        self.statuses[execution_id] = found["status"]
                        room.release()
            await asyncio.sleep(LOOK_SECONDS)
