"""One stream for all who ask the same: each event is executed and encoded once, and handed to every reader."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from graphql_api.fanout.frame import Frame
from graphql_api.fanout.window import Window

_READERS_AT_A_TIME = 64
"""Each takes some 20 us; others get their turn in between, and what was sent goes out."""


class LiveReader(Protocol):
    """A reader that has taken everything there is, and has room for more."""

    def offer(self, frame: Frame) -> None: ...

    def finish(self, last: Frame | None) -> None: ...


class SharedStream:
    """Goes on as long as one of its readers takes what comes; where all are slow, it waits, and its source keeps what it missed."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.readers: set[object] = set()
        """Also those that are catching up, and will come back."""
        self.ended = False
        self.last: Frame | None = None
        """What it ended with: errors, or None."""
        self._live: dict[LiveReader, None] = {}
        self._wanted: asyncio.Future[None] | None = None

    async def run(self, frames: AsyncGenerator[Frame, None]) -> None:
        """To the end of `frames`, or until cancelled."""
        try:
            await self._run(frames)
        except Exception as error:  # noqa: BLE001 # whatever it is, the readers are told that the stream broke; errors.py logs it
            self._end(Frame.failure(error))

    async def _run(self, frames: AsyncGenerator[Frame, None]) -> None:
        async with aclosing(frames):
            while True:
                await self._until_wanted()
                frame = await anext(frames, None)
                if frame is None or frame.errors is not None:
                    self._end(frame)
                    return
                self.window.append(frame)
                for number, reader in enumerate(tuple(self._live), 1):
                    reader.offer(frame)
                    if number % _READERS_AT_A_TIME == 0:
                        await asyncio.sleep(0)
                await asyncio.sleep(0)  # a log that is read at once would keep everybody else waiting

    def follow(self, reader: LiveReader) -> None:
        """The reader is at the end of the window, and is offered what comes."""
        self._live[reader] = None
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    def unfollow(self, reader: LiveReader) -> None:
        self._live.pop(reader, None)

    async def _until_wanted(self) -> None:
        while not self._live:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted

    def _end(self, last: Frame | None) -> None:
        self.ended = True
        self.last = last
        for reader in tuple(self._live):
            reader.finish(last)
