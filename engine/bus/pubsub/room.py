"""How many more messages may be received: flow control by count."""

import asyncio
from collections import deque


class Room:
    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self, most: int) -> int:
        """At least one place and at most so many; waits until there is one."""
        while self._free <= 0:
            arrival = asyncio.get_running_loop().create_future()
            self._waiting.append(arrival)
            try:
                await arrival
            except asyncio.CancelledError:
                if arrival.done() and not arrival.cancelled():
                    self._call()  # it was for somebody else
                raise
        taken = min(most, self._free)
        self._free -= taken
        return taken

    def seize(self, number: int) -> None:
        """Places for what has come unasked: there may be fewer than none left."""
        self._free -= number

    def give(self, number: int) -> None:
        self._free += number
        for _ in range(number):
            if not self._call():
                return

    def _call(self) -> bool:
        while self._waiting:
            arrival = self._waiting.popleft()
            if not arrival.done():
                arrival.set_result(None)
                return True
        return False
