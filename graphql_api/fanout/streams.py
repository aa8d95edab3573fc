"""All subscriptions of this process: who reads what, together where they ask the same."""

import asyncio
from dataclasses import replace

from graphql import OperationType

from graphql_api.admission.places import Place
from graphql_api.context import Context, Position
from graphql_api.fanout.frame import frames_of
from graphql_api.fanout.reader import Opened, Reader
from graphql_api.fanout.shared_stream import SharedStream
from graphql_api.fanout.sharing import Beginning, Share, Sharing
from graphql_api.fanout.sink import Sink
from graphql_api.fanout.window import Window
from graphql_api.metrics import Metrics
from graphql_api.transports.operations import Operation, Operations
from graphql_api.transports.request import GraphQLRequest

WINDOW_BYTES, LEAST_BYTES, ALL_BYTES = 2**20, 2**13, 2**26
"""What a window holds at the most, what it may hold however many there are, and what all of them share beyond that."""


class Streams:
    """Shared streams begin with their first reader and end with their last one."""

    def __init__(
        self, operations: Operations, sharing: Sharing, metrics: Metrics, *, window_bytes: int = WINDOW_BYTES
    ) -> None:
        """`window_bytes`: the most that a shared stream keeps for readers that are behind."""
        self._operations = operations
        self.rates, self.places = operations.rates, operations.places
        self.limits_of = operations.limits_of
        self._sharing = sharing
        self._metrics = metrics
        self._window_bytes = window_bytes
        self._streams: dict[tuple[object, ...], SharedStream] = {}
        self._following: dict[SharedStream, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._places: dict[Reader, Place] = {}

    def start(self, request: GraphQLRequest, context: Context, sink: Sink, tasks: asyncio.TaskGroup) -> Reader:
        """Executes the request and gives `sink` what comes of it. What the reader does alone runs in `tasks`. Raises
        `RequestRefused`.
        """
        self.rates.take(context.caller)
        return self._begun(self._reader(self._operations.prepare(request, context), request, context, sink, tasks))

    def read(
        self, operation: Operation, request: GraphQLRequest, context: Context, sink: Sink, tasks: asyncio.TaskGroup
    ) -> Reader:
        """As `start`, of what is prepared already, and has a connection of its own."""
        reader = self._reader(operation, request, context, sink, tasks)
        self._places[reader] = self.places.take(context.caller)
        return self._begun(reader)

    def _reader(
        self, operation: Operation, request: GraphQLRequest, context: Context, sink: Sink, tasks: asyncio.TaskGroup
    ) -> Reader:
        whole = request.with_text(
            operation.admitted.text
        )  # a document that a client registered may be forgotten by then

        def reopen(after: int) -> Opened:
            position = Position(after=after)
            return self._operations.prepare(whole, replace(context, position=position)), position

        subscribes = operation.kind is OperationType.SUBSCRIPTION
        share = self._sharing.of(operation, request, context) if subscribes else None
        opened = (operation, context.position)
        return Reader(self, sink, tasks, share=share, opened=opened, reopen=reopen)

    def _begun(self, reader: Reader) -> Reader:
        if reader.kind is OperationType.SUBSCRIPTION:
            self._metrics.stream_opened()
        if reader.share is None or not self.join(reader):
            reader.read()
        return reader

    def join(self, reader: Reader) -> bool:
        share = reader.share
        assert share is not None
        stream = self._streams.get(share.key)
        if stream is None or stream.last is not None:  # who asks after it broke begins anew
            stream = self._begin(share.key, reader)
        if reader.member_of is not stream:
            self._part(reader)
            reader.member_of = stream
            stream.readers.add(reader)
        index = _place(stream.window, share, reader)
        if index is None:
            return False
        reader.enter(stream, index)
        return True

    def left(self, reader: Reader, outcome: str | None) -> None:
        """Queries and mutations are counted as they are run."""
        self._part(reader)
        place = self._places.pop(reader, None)
        if place is not None:
            place.leave()
        if reader.kind is OperationType.SUBSCRIPTION:
            self._metrics.stream_ended()
            if outcome is not None:
                self._metrics.count(reader.kind.value, outcome)

    async def settled(self) -> None:
        """Returns when the streams that nobody reads any more have ended."""
        while self._ending:
            await asyncio.wait(self._ending)

    def _begin(self, key: tuple[object, ...], reader: Reader) -> SharedStream:
        operation, position = reader.opened()
        stream = self._streams[key] = SharedStream(Window(reader.seq, self._room_of_one))
        task = asyncio.create_task(stream.run(frames_of(operation, position)))
        self._following[stream] = task

        def ended(_: object) -> None:
            self._following.pop(stream, None)
            self._ending.discard(task)

        task.add_done_callback(ended)
        return stream

    def _room_of_one(self) -> int:
        """In bytes, of each window: where there are many, each is small, and who is behind reads the log the sooner."""
        return min(self._window_bytes, max(LEAST_BYTES, ALL_BYTES // max(1, len(self._streams))))

    def _part(self, reader: Reader) -> None:
        stream, reader.member_of = reader.member_of, None
        if stream is None:
            return
        stream.readers.discard(reader)
        if not stream.readers:
            assert reader.share is not None
            self._forget(reader.share.key, stream)
            following = self._following.get(stream)
            if following is not None:
                self._ending.add(following)
                following.cancel()

    def _forget(self, key: tuple[object, ...], stream: SharedStream) -> None:
        if self._streams.get(key) is stream:
            del self._streams[key]


def _place(window: Window, share: Share, reader: Reader) -> int | None:
    """Where in the window the reader goes on; None where it has to read alone first, be it that its place may not exist."""
    match share.beginning:
        case Beginning.NOTHING:
            return window.end
        case Beginning.LATEST:
            return max(window.end - 1, 0)
        case Beginning.LOG:
            known = window.dropped_seq <= reader.seq and (reader.seq <= window.last_seq or reader.begun)
            return window.behind(reader.seq) if known else None
