"""A handler that keeps what it is given."""

import asyncio

from engine.bus.port import Message
from tests.patience import PATIENCE_SECONDS


class Inbox:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._arrived = asyncio.Condition()

    async def __call__(self, message: Message) -> None:
        async with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()

    @property
    def bodies(self) -> list[bytes]:
        return sorted(message.body for message in self.messages)

    async def holds(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: len(self.messages) >= number)
