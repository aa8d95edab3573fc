"""One subscriber: where it is in a stream, and how it gets the next frame.

    joins ──> live: offered every frame as it comes
                │ no room                    ▲ took all there is
                ▼                            │
              behind: takes from the window when there is room again
                │ the window has gone on     ▲ has caught up
                ▼                            │
              catching up: reads a stream of its own, which begins in the log

What cannot be shared is read from a stream of its own to its end.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Protocol

from engine.domain.errors import Unavailable
from graphql_api.context import Position
from graphql_api.errors import formatted_exception
from graphql_api.fanout.frame import Frame, frames_of
from graphql_api.fanout.shared_stream import SharedStream
from graphql_api.fanout.sharing import Beginning, Share
from graphql_api.fanout.sink import Sink
from graphql_api.transports.operations import Operation
from graphql_api.transports.refusal import RequestRefused

_FRAMES_AT_A_TIME = 64
LAGGED = "more changed than this subscription could hold: read the list, and subscribe again"


class Source(Protocol):
    """What a reader needs of those who know all streams."""

    def join(self, reader: "Reader") -> bool:
        """Makes the reader one of a shared stream's, if that can go on from where the reader is. Raises `RequestRefused`."""

    def left(self, reader: "Reader", outcome: str | None) -> None:
        """The reader has ended: `ok`, `error`, or None where the client ended it."""


Opened = tuple[Operation, Position]
Reopen = Callable[[int], Opened]
"""The reader's operation, once more, to begin behind that seq. Raises `RequestRefused`."""


class Reader:
    """`cancel` ends it from outside; else it ends by itself, and has told its sink."""

    __slots__ = (
        "_done",
        "_index",
        "_opened",
        "_reopen",
        "_sink",
        "_source",
        "_stream",
        "_task",
        "_tasks",
        "begun",
        "kind",
        "member_of",
        "seq",
        "share",
    )

    def __init__(
        self,
        source: Source,
        sink: Sink,
        tasks: asyncio.TaskGroup,
        *,
        share: Share | None,
        opened: Opened,
        reopen: Reopen,
    ) -> None:
        """What it does alone runs in `tasks`. `opened` is its operation, to begin where it wants to; without `share` it stays alone."""
        self.kind = opened[0].kind
        self.share = share
        self.seq = share.after if share else 0
        self.begun = False
        """Whether it was given something, so that its place in the log is known to be one."""
        self.member_of: SharedStream | None = None
        """The stream that goes on for it, also while it is catching up."""
        self._source = source
        self._sink = sink
        self._opened: Opened | None = opened
        self._reopen = reopen
        self._tasks = tasks
        self._stream: SharedStream | None = None
        self._index = 0
        self._task: asyncio.Task[None] | None = None
        self._done = False

    def opened(self) -> Opened:
        """Its operation, to begin where it is. Raises `RequestRefused`."""
        opened, self._opened = self._opened, None
        return opened or self._reopen(self.seq)

    # ---------------------------------------------------------------- shared

    def enter(self, stream: SharedStream, index: int) -> None:
        self._stream = stream
        self._opened = None
        self._index = index
        self.pump()

    def offer(self, frame: Frame) -> None:
        if self._stream is None:  # it left while the frame was handed out
            return
        self._index += 1
        if frame.seq is None:
            self._sink.next(frame)
        else:
            self._take(frame)
        if not self._sink.outbox.room and self._stream is not None:
            self._stream.unfollow(self)
            self._sink.outbox.when_room(self.pump)

    def pump(self) -> None:
        """Takes from the window as long as there is room, and so many frames at a time that others get their turn."""
        for _ in range(_FRAMES_AT_A_TIME):
            if self._stream is None:
                return
            if not self._sink.outbox.room:
                self._sink.outbox.when_room(self.pump)
                return
            found = self._stream.window.next(self._index)
            if found is None:
                self._lost()
            elif found.frame is not None:
                self._index = found.index
                self._take(found.frame)
            elif self._stream.ended:
                self.finish(self._stream.last)
            else:
                self._index = found.index
                self._stream.follow(self)
                return
        asyncio.get_running_loop().call_soon(self.pump)

    def _take(self, frame: Frame) -> None:
        if frame.seq is not None:
            if frame.seq <= self.seq:
                return
            if frame.seq > self.seq + 1:
                self._lost()
                return
            self.seq = frame.seq
        self._sink.next(frame)

    def _lost(self) -> None:
        """There was more than the window holds."""
        assert self.share is not None
        if self.share.beginning is Beginning.LOG:
            self._leave()
            self.read()
        else:
            self._end([formatted_exception(Unavailable(LAGGED))])

    # ---------------------------------------------------------------- alone

    def read(self) -> None:
        """Reads alone: what is not shared, and what no shared stream has any more."""
        try:
            operation, position = self.opened()
        except RequestRefused as refusal:
            self._end(refusal.errors)
            return
        self._task = self._tasks.create_task(self._read(operation, position))

    async def _read(self, operation: Operation, position: Position) -> None:
        last: Frame | None = None
        async with aclosing(frames_of(operation, position)) as frames:
            while True:
                await self._sink.outbox.made_room()
                frame = await anext(frames, None)
                if frame is None or frame.errors is not None:
                    last = frame
                    break
                await asyncio.sleep(0)  # a log that is read at once would keep everybody else waiting
                if self.share is None:
                    self._sink.next(frame)
                elif frame.seq is not None:  # a shared stream might give an ephemeral one a second time
                    self.seq = frame.seq
                    self.begun = True
                    self._sink.next(frame)
                    if self._joined():
                        return
        self.finish(last)

    def _joined(self) -> bool:
        """One that may not begin a shared stream now goes on alone."""
        try:
            return self._source.join(self)
        except RequestRefused:
            return False

    # ---------------------------------------------------------------- the end

    def finish(self, last: Frame | None) -> None:
        """The stream has ended."""
        self._end(last.errors if last else None)

    def cancel(self) -> None:
        """The client wants no more, or is gone."""
        self._close(None)
        if self._task is not None:
            self._task.cancel()

    def _end(self, errors: list[Any] | None) -> None:
        if not self._done:
            self._close("error" if errors else "ok")
            if errors is None:
                self._sink.completed()
            else:
                self._sink.failed(errors)

    def _close(self, outcome: str | None) -> None:
        if not self._done:
            self._done = True
            self._sink.outbox.forget(self.pump)
            self._source.left(self, outcome)
            self._leave()

    def _leave(self) -> None:
        if self._stream is not None:
            self._stream.unfollow(self)
            self._stream = None
