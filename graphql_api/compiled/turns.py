"""Lets the rest of the process have its turn while a large response is made.

A resolver may give a list of ten thousand objects, and each of them further lists. Whoever has completed `AT_ONCE` of
them within one turn of the event loop waits for a later one.
"""

import asyncio
from collections import deque

AT_ONCE = 500
"""Objects that are completed in one turn: some 2 ms."""


class Turns:
    """Of one execution. Those who wait get on in the order of their coming."""

    __slots__ = ("_spent", "_waiting")

    def __init__(self) -> None:
        self._spent = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] | None = None

    def have_room_for(self, objects: int) -> bool:
        """Whether so many more may be completed at once; if so, they are counted."""
        if self._spent + objects > AT_ONCE:
            return False
        self._spent += objects
        return True

    async def wait(self, objects: int) -> None:
        """Until so many objects, at most `AT_ONCE`, may be completed."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            self._waiting = deque()
            loop.call_soon(self._begin)
        self._waiting.append((turn, objects))
        await turn

    def _begin(self) -> None:
        self._spent = 0
        while self._waiting and self.have_room_for(self._waiting[0][1]):
            turn, _ = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._begin)
