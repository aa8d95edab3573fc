"""What a connection is still to be sent, in order, by a single writer.

Whoever has something to send puts it here and goes on, as long as there is room; a writer, one task for each connection, waits for
sockets that take nothing at the moment. A reader that does not read costs what is in its outbox, what the server buffers for the
socket, and nothing else.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

from starlette.types import Message, Send

from graphql_api.transports.begun import begun

ROOM_BYTES = 64 * 1024
"""What a connection may have waiting before its streams are pulled no further. One message may be larger."""


class Outbox:
    """`send` is ASGI's: it waits while the socket takes nothing."""

    __slots__ = (
        "_ended",
        "_failure",
        "_idle",
        "_last",
        "_queue",
        "_room_bytes",
        "_send",
        "_size",
        "_waiting",
        "_wake",
        "on_drained",
        "room",
    )

    def __init__(self, send: Send, room_bytes: int = ROOM_BYTES) -> None:
        self._send = cast("Callable[[Message], Coroutine[Any, Any, None]]", send)
        self._room_bytes = room_bytes
        self._queue: deque[tuple[Message | Awaitable[None], int]] = deque()
        self._size = 0
        self._idle = False
        """The writer waits for something to do."""
        self._wake: asyncio.Future[None] | None = None
        self._waiting: dict[Callable[[], None], None] = {}
        self._last: Message | None = None
        self._failure: Exception | None = None
        self._ended = False
        self.room = True
        self.on_drained: Callable[[], None] = _nothing
        """Called when the reader made room that somebody had waited for, which tells that it lives."""

    def put(self, message: Message, size: int) -> None:
        """Sent at once if nothing is before it and the socket takes it; waking the writer would cost half as much as sending does.
        `size` in bytes, about. Messages that nobody can wait with, such as answers and errors, may be put without room. What comes
        after the end is dropped.
        """
        if self._idle:
            try:
                rest = begun(self._send(message))
            except Exception as error:  # noqa: BLE001 # it is the writer's: whoever put the message has nothing to do with the connection
                self._failure = error
                self._rouse()
                return
            if rest is not None:
                self._append(rest, size)
                self._rouse()
        elif not self._ended:
            self._append(message, size)

    def end(self, last: Message) -> None:
        """`run` ends when everything that was put before is sent, and then `last`."""
        if not self._ended:
            self._ended = True
            self._last = last
            self._rouse()

    def when_room(self, call: Callable[[], None]) -> None:
        """Once, in the order in which they asked, and only if there is still room then; nobody is called once nothing can be sent any
        more. The same one is remembered once.
        """
        self._waiting[call] = None

    def forget(self, call: Callable[[], None]) -> None:
        self._waiting.pop(call, None)

    async def made_room(self) -> None:
        """Returns at once where there is room. After the connection is lost it never does: the connection's end cancels."""
        while not self.room:
            waiter = asyncio.get_running_loop().create_future()
            free = _Setter(waiter)
            self.when_room(free)
            try:
                await waiter
            finally:
                self.forget(free)

    async def run(self) -> None:
        """Until `end`, or until the connection is lost: whoever receives from it learns that too."""
        try:
            while True:
                while self._queue:
                    sending, size = self._queue.popleft()
                    await (sending if isinstance(sending, Awaitable) else self._send(sending))
                    self._size -= size
                    self.room = self._size < self._room_bytes
                    if self._waiting and self.room:
                        self.on_drained()
                        self._admit()
                if self._last is not None:
                    await self._send(self._last)
                    return
                self._wake = asyncio.get_running_loop().create_future()
                self._idle = True
                await self._wake
                if self._failure is not None:
                    raise self._failure
        except OSError:  # by ASGI: the client is gone
            pass
        finally:
            self._ended = True
            self._idle = False
            self._queue.clear()
            self._waiting.clear()

    def _admit(self) -> None:
        while self._waiting and self.room:
            call = next(iter(self._waiting))
            del self._waiting[call]
            call()

    def _append(self, message: Message | Awaitable[None], size: int) -> None:
        self._queue.append((message, size))
        self._size += size
        self.room = self._size < self._room_bytes

    def _rouse(self) -> None:
        self._idle = False
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def _nothing() -> None:
    """Nobody wants to know."""


class _Setter:
    """A callback with an identity of its own."""

    __slots__ = ("_waiter",)

    def __init__(self, waiter: asyncio.Future[None]) -> None:
        self._waiter = waiter

    def __call__(self) -> None:
        if not self._waiter.done():
            self._waiter.set_result(None)
