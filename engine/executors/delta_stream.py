"""Streamed text in pieces that are worth an event each."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

INTERVAL_SECONDS = 0.03
"""A reader sees no difference; thousands of tokens become some thirty events a second."""
LONGEST = 4_096
"""Characters that are sent at once rather than waited with."""


class DeltaStream:
    """Passes text on to `send`: the first piece at once, then what came together within the interval. Leaving the
    context sends the rest.
    """

    def __init__(self, send: Callable[[str], None], *, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._send = send
        self._interval = interval_seconds
        self._loop = asyncio.get_running_loop()
        self._pending: list[str] = []
        self._length = 0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._flush()

    def write(self, text: str) -> None:
        if not text:
            return
        self._pending.append(text)
        self._length += len(text)
        if self._timer is None:
            self._flush()
            self._timer = self._loop.call_later(self._interval, self._due)
        elif self._length >= LONGEST:
            self._flush()

    def _due(self) -> None:
        """Rests where nothing came in the meantime, so that a stream that stalls costs no timers."""
        self._timer = self._loop.call_later(self._interval, self._due) if self._pending else None
        self._flush()

    def _flush(self) -> None:
        if self._pending:
            text, self._pending, self._length = "".join(self._pending), [], 0
            self._send(text)
