"""Sources of events that a test feeds by hand, and readers of them that take only as much as the test lets them."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import strawberry
from starlette.types import Message
from strawberry.schema.config import StrawberryConfig

from engine.domain.errors import BadRequest
from engine.usecases.caller import Caller
from graphql_api.admission.admission import Admission
from graphql_api.context import LOCAL_OWNER, Context, Info
from graphql_api.fanout.frame import Frame
from graphql_api.fanout.reader import Reader
from graphql_api.fanout.sharing import Beginning, Shared, Sharing
from graphql_api.fanout.sink import Sink
from graphql_api.fanout.streams import Streams
from graphql_api.metrics import Metrics
from graphql_api.transports.documents import Documents
from graphql_api.transports.operations import Operations
from graphql_api.transports.outbox import Outbox
from graphql_api.transports.request import GraphQLRequest
from graphql_api.types.scalars import JSON, SCALARS
from tests.api.probe import NO_SERVICES


class Feed:
    """Durable events have the seqs 1, 2, ...; ephemeral ones have none, and whoever is not there misses them."""

    def __init__(self) -> None:
        self.events: list[tuple[int | None, str, str]] = []
        self.watching = 0
        self.failing = False
        self.last_seq = 0
        self._more = asyncio.Event()
        self._closed = False

    def durable(self, text: str = "") -> None:
        self.last_seq += 1
        self._add(self.last_seq, text, "")

    def ephemeral(self, text: str) -> None:
        self._add(None, text, "")

    def about(self, subject: str, text: str) -> None:
        self._add(None, text, subject)

    def close(self) -> None:
        self._closed = True
        self._rouse()

    def fail(self) -> None:
        self.failing = True
        self._rouse()

    async def after(self, seq: int) -> AsyncGenerator[tuple[int | None, str, str], None]:
        """As use cases that watch do: the log, then what comes."""
        if not 0 <= seq <= self.last_seq:
            raise BadRequest(f"after is {seq}, but the log ends at {self.last_seq}", path=("after",))
        self.watching += 1
        try:
            at = len(self.events)
            for event in [each for each in self.events[:at] if each[0] is not None and each[0] > seq]:
                yield event
            while True:
                while at < len(self.events):
                    at += 1
                    yield self.events[at - 1]
                if self.failing:
                    raise RuntimeError("the password is hunter2")
                if self._closed:
                    return
                await self._more.wait()
        finally:
            self.watching -= 1

    def _add(self, seq: int | None, text: str, subject: str) -> None:
        self.events.append((seq, text, subject))
        self._rouse()

    def _rouse(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


FEEDS: dict[str, Feed] = {}


@strawberry.type
class Event:
    seq: int | None
    text: str

    @strawberry.field
    def suffixed(self, suffix: str = "") -> str:
        return self.text + suffix


@strawberry.type
class Query:
    nothing: str = ""


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def log(
        self, info: Info, name: str = "", after: int | None = 0, note: JSON | None = None
    ) -> AsyncGenerator[Event, None]:
        del note
        position = info.context.position
        async for seq, text, _ in FEEDS[name].after(position.after or after or 0):
            position.seq = seq
            yield Event(seq=seq, text=text)

    @strawberry.subscription
    async def changes(self, info: Info, name: str = "") -> AsyncGenerator[Event, None]:
        async for _, text, subject in FEEDS[name].after(0):
            info.context.position.subject = subject
            yield Event(seq=None, text=text)

    @strawberry.subscription
    async def state(self, info: Info, name: str = "") -> AsyncGenerator[Event, None]:
        async for _, text, _ in FEEDS[name].after(0):
            info.context.position.subject = name
            yield Event(seq=None, text=text)


SHARED = {
    "log": Shared(Beginning.LOG, resumes_by="after"),
    "changes": Shared(Beginning.NOTHING),
    "state": Shared(Beginning.LATEST),
}
LOG = "subscription($after: Int) { log(after: $after) { seq text } }"


class Taker(Sink):
    """A connection whose client reads when it is told to."""

    def __init__(self, room_bytes: int) -> None:
        self._reading = asyncio.Event()
        self._reading.set()
        super().__init__(Outbox(self._send, room_bytes))
        self.got: list[dict[str, Any]] = []
        self.errors: list[Any] | None = None
        self.complete = False
        self.reader: Reader | None = None

    def stop_reading(self) -> None:
        self._reading.clear()

    def read_on(self) -> None:
        self._reading.set()

    async def _send(self, message: Message) -> None:
        await self._reading.wait()
        (event,) = json.loads(message["body"])["data"].values()
        self.got.append(event)

    @property
    def seqs(self) -> list[int]:
        return [event["seq"] for event in self.got if event["seq"] is not None]

    @property
    def texts(self) -> list[str]:
        return [event["text"] for event in self.got]

    def next(self, frame: Frame) -> None:
        assert self.errors is None
        assert not self.complete
        self.outbox.put({"type": "test", "body": frame.payload}, len(frame.payload))

    def failed(self, errors: list[Any]) -> None:
        assert self.errors is None
        self.errors = errors

    def completed(self) -> None:
        assert not self.complete
        self.complete = True

    def leave(self) -> None:
        assert self.reader is not None
        self.reader.cancel()


class Fanout:
    """Streams, with a task group for what readers do alone."""

    def __init__(self, tasks: asyncio.TaskGroup, *, window_bytes: int = 1_000_000, room_bytes: int = 10_000) -> None:
        schema = strawberry.Schema(Query, None, Subscription, config=StrawberryConfig(scalar_map=SCALARS))._schema
        self.metrics = Metrics(NO_SERVICES)
        operations = Operations(Admission(Documents(schema)), self.metrics)
        self.streams = Streams(operations, Sharing(SHARED), self.metrics, window_bytes=window_bytes)
        self.writers: list[asyncio.Task[None]] = []
        self._tasks = tasks
        self._room_bytes = room_bytes

    @property
    def executed(self) -> int:
        return self.metrics._events

    def subscribe(self, query: str = LOG, *, caller: Caller = LOCAL_OWNER, **variables: Any) -> Taker:
        taker = Taker(self._room_bytes)
        self.writers.append(self._tasks.create_task(taker.outbox.run()))
        request = GraphQLRequest(query=query, variables=variables)
        context = Context(services=NO_SERVICES, caller=caller)
        taker.reader = self.streams.start(request, context, taker, self._tasks)
        return taker

    def end(self) -> None:
        for writer in self.writers:
            writer.cancel()


async def settled() -> None:
    """Everything that can go on without anything new has gone on."""
    for _ in range(300):
        await asyncio.sleep(0)
