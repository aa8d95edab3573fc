"""One listener's messages, for a single reader."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping

from engine.bus.port import Message


class Listener(AsyncIterator[Message]):
    """Keeps the newest `buffer` messages until they are read, of those whose attributes have all values of `only`. Ends, after what
    it holds, when it is closed.
    """

    def __init__(self, buffer: int, only: Mapping[str, str] | None = None) -> None:
        self._only = tuple((only or {}).items())
        self._messages: deque[Message] = deque(maxlen=buffer)
        self._arrival: asyncio.Future[None] | None = None
        self._closed = False

    def put(self, message: Message) -> None:
        if any(message.attributes.get(name) != value for name, value in self._only):
            return
        self._messages.append(message)
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    async def __anext__(self) -> Message:
        while not self._messages:
            if self._closed:
                raise StopAsyncIteration
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        return self._messages.popleft()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
