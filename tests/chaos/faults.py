"""What goes wrong, how often: drawn from a seed, counted by kind, and switched off when the dust shall settle."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from random import Random

import msgspec


class Fault(StrEnum):
    REFUSED = "commit refused"
    UNACKNOWLEDGED = "commit applied, answer lost"
    TIMED_OUT = "commit timed out, applied or not"
    LATE = "commit applied after its caller gave up"
    SLOW_COMMIT = "commit slow"
    READ_FAILED = "read failed"
    SLOW_READ = "read slow"
    NOT_PUBLISHED = "publish failed"
    LOST = "message lost"
    DUPLICATED = "message duplicated"
    DELAYED = "message delayed"
    KILLED = "process killed"
    STOPPED = "process stopped in order"
    PAUSED = "process paused"
    CUT_OFF = "process cut off from the store"
    HUNG_UP = "client hung up"
    CLOCK_OFF = "clock off by minutes"
    CLOCK_SET = "clock set to another time"


_SHARES: Mapping[Fault, tuple[float, ...]] = {
    Fault.REFUSED: (0.0, 0.02, 0.15),
    Fault.UNACKNOWLEDGED: (0.0, 0.02, 0.15),
    Fault.TIMED_OUT: (0.0, 0.005, 0.05),
    Fault.LATE: (0.0, 0.005, 0.05),
    Fault.SLOW_COMMIT: (0.0, 0.05, 0.3),
    Fault.READ_FAILED: (0.0, 0.01, 0.05),
    Fault.SLOW_READ: (0.0, 0.05, 0.3),
    Fault.NOT_PUBLISHED: (0.0, 0.2, 0.5),
    Fault.LOST: (0.0, 0.1, 0.7),
    Fault.DUPLICATED: (0.0, 0.1, 0.5),
    Fault.DELAYED: (0.0, 0.1, 0.5),
    Fault.HUNG_UP: (0.0, 0.05, 0.2),
    Fault.CLOCK_OFF: (0.0, 0.3, 0.3),
}
"""By kind, what one simulation draws its share from. How often processes fail is drawn in `failures.py`."""


class Latency(msgspec.Struct, frozen=True):
    """Seconds: of what is quick, and the most that something slow takes."""

    usual: float = 0.004
    slow: float = 2.0
    timeout: float = 10.0


class Faults:
    """Without a seed nothing goes wrong and nothing takes time."""

    def __init__(self, seed: str | None = None) -> None:
        self.counts: Counter[Fault] = Counter()
        self.calm = seed is None
        self.instant = seed is None
        self.latency = Latency()
        self.random = Random(seed)
        self._shares = {fault: self.random.choice(shares) for fault, shares in _SHARES.items()}

    def hit(self, fault: Fault) -> bool:
        """Whether it happens now; counted if so."""
        if self.calm or self.random.random() >= self._shares[fault]:
            return False
        self.counts[fault] += 1
        return True

    def delay(self, slow: Fault) -> float:
        """One way over the network."""
        if self.instant:
            return 0.0
        if self.hit(slow):
            return self.random.uniform(0.0, self.latency.slow)
        return self.random.random() * self.latency.usual
