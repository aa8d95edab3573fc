"""Those who watch executions, over WebSockets and event streams. They drop their connection now and then, and come back to another
replica with the last seq they saw.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from random import Random

import httpx
from websockets.exceptions import WebSocketException

from tests.e2e.streams import Broken, Events, over_sse, over_websocket

AGAIN_SECONDS = 0.1


class Watcher:
    """`url` gives a replica, another one each time."""

    def __init__(self, url: Callable[[], str], execution_id: str, random: Random) -> None:
        self._url = url
        self._execution_id = execution_id
        self._random = random
        self.seen: list[tuple[int, str]] = []
        """Seq and type of every event."""
        self.connections = 0

    @property
    def last_seq(self) -> int:
        return self.seen[-1][0] if self.seen else 0

    async def run(self) -> None:
        """Until the stream is complete."""
        while True:
            self.connections += 1
            stream = self._random.choice([over_websocket, over_sse])
            patience = self._random.choice([1, 3, 1000])
            try:
                async with aclosing(stream(self._url(), self._execution_id, self.last_seq)) as events:
                    if await self._complete(events, patience):
                        return
            except (Broken, OSError, httpx.TransportError, WebSocketException):
                await asyncio.sleep(AGAIN_SECONDS)

    async def _complete(self, events: Events, patience: int) -> bool:
        """False after so many events."""
        async for event in events:
            self.seen.append((event["seq"], event["__typename"]))
            patience -= 1
            if patience == 0:
                return False
        return True
