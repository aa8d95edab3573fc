"""The newest frames of a shared stream, for readers that are a little behind."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from graphql_api.fanout.frame import Frame

MOST_FRAMES = 1000


@dataclass(frozen=True, slots=True)
class Next:
    """`frame` is None at the end of the window. `index` is where to go on from."""

    frame: Frame | None
    index: int


class Window:
    """Frames are numbered by `index` from 0. Where they have a seq, that counts: a reader goes on behind the last seq it saw. Where
    they have a subject, the newest frame about it stands for all of them, and older ones are passed over.
    """

    def __init__(self, seq: int, most_bytes: Callable[[], int]) -> None:
        """`seq` is the last one before the stream's first. `most_bytes` says how much to keep at the moment; the newest frame stays."""
        self._most_bytes = most_bytes
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._start = 0
        self._newest: dict[str, int] = {}
        self._lost_before = 0
        self.dropped_seq = seq
        """The last seq that is no longer here: whoever has not seen it must read the log."""
        self.last_seq = seq

    @property
    def end(self) -> int:
        return self._start + len(self._frames)

    def append(self, frame: Frame) -> None:
        if frame.seq is not None:
            self.last_seq = frame.seq
        if frame.subject is not None:
            self._newest[frame.subject] = self.end
        self._frames.append(frame)
        self._bytes += frame.size
        most = self._most_bytes()
        while len(self._frames) > 1 and (self._bytes > most or len(self._frames) > MOST_FRAMES):
            self._drop()

    def behind(self, seq: int) -> int:
        """The index of the first frame behind `seq`; the end, if it is still to come."""
        for index, frame in enumerate(self._frames, self._start):
            if frame.seq is not None and frame.seq > seq:
                return index
        return self.end

    def next(self, index: int) -> Next | None:
        """The frame at `index`, or the next that still counts; None if something in between is lost."""
        if index < self._lost_before:
            return None
        index = max(index, self._start)
        while index < self.end:
            frame = self._frames[index - self._start]
            index += 1
            if frame.subject is None or self._newest[frame.subject] == index - 1:
                return Next(frame, index)
        return Next(None, index)

    def _drop(self) -> None:
        """Ephemeral frames may be dropped, and those about which there is something newer."""
        frame = self._frames.popleft()
        self._bytes -= frame.size
        if frame.seq is not None:
            self.dropped_seq = frame.seq
        if frame.seq is not None or (frame.subject is not None and self._newest[frame.subject] == self._start):
            self._lost_before = self._start + 1
            if frame.subject is not None:
                del self._newest[frame.subject]
        self._start += 1
