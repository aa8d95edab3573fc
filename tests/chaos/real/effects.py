"""What functions really did, in a file that outlives the processes that did it: a line for each beginning and end."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

EFFECTS = "CHAOS_EFFECTS"
"""The variable that names the file."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is Unix time; `what` is begin, end or error."""

    what: str
    execution: str
    step: str
    attempt: int
    pid: int
    at: float


class Call(msgspec.Struct, kw_only=True):
    """One run of a function's body. `ended` is None where its process was killed before it came to an end."""

    begin: Effect
    ended: float | None = None


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Effect)


@contextmanager
def noted(execution: str, step: str, attempt: int) -> Iterator[None]:
    """Notes the beginning and the end of what is done inside."""

    def note(what: str) -> None:
        at = time.time()
        effect = Effect(what=what, execution=execution, step=step, attempt=attempt, pid=os.getpid(), at=at)
        _append(Path(os.environ[EFFECTS]), _encode(effect) + b"\n")

    note("begin")
    try:
        yield
    except BaseException:
        note("error")
        raise
    note("end")


def _append(path: Path, line: bytes) -> None:
    """One write, so that lines of several processes do not mix."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line)
    finally:
        os.close(file)


class EffectLog:
    """Reads the file as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.calls: list[Call] = []
        self._open: dict[tuple[int, str, str, int], Call] = {}

    def look(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            lines = file.read()
        whole = lines.rpartition(b"\n")[0]
        for line in whole.split(b"\n") if whole else ():
            self._see(_decoder.decode(line))
        self._read += len(whole) + 1 if whole else 0

    def _see(self, effect: Effect) -> None:
        key = (effect.pid, effect.execution, effect.step, effect.attempt)
        if effect.what == "begin":
            self._open[key] = call = Call(begin=effect)
            self.calls.append(call)
        else:
            self._open.pop(key).ended = effect.at

    def under_way(self, pid: int | None = None) -> list[Effect]:
        """What has begun and not ended, in one process or in all."""
        return [call.begin for call in self._open.values() if pid in (None, call.begin.pid)]
