"""What happened in one simulation: a hash over everything, and the newest lines for people."""

import asyncio
import hashlib
import logging
from collections import deque

from tests.chaos.virtual_loop import OWNER

KEPT = 3000


class Trace:
    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT)
        self._closed = False
        self._hash = hashlib.blake2b(digest_size=12)

    def add(self, who: str, what: str) -> None:
        if self._closed:
            return
        line = f"{asyncio.get_running_loop().time():9.3f} {who:<8} {what}"
        self.lines.append(line)
        self._hash.update(line.encode(errors="backslashreplace"))
        self._hash.update(b"\n")

    def close(self) -> None:
        """What comes later is not part of it."""
        self._closed = True

    @property
    def hash(self) -> str:
        return self._hash.hexdigest()


class EngineLog(logging.Handler):
    """Writes what the engines log into the trace, under the name of the process that says it."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(logging.INFO)
        self._trace = trace

    def emit(self, record: logging.LogRecord) -> None:
        owner = OWNER.get()
        message = f"{record.levelname.lower()}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            message += f" ({record.exc_info[1]!r})"
        self._trace.add(owner.name if owner is not None else "-", message)
