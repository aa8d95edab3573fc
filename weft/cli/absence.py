"""How patient a command is with a server that went away."""

import random
from collections.abc import Callable

from weft.cli.api_errors import ApiError, ConnectionLost, NoServer, RequestRefused

PATIENCE_SECONDS = 300.0
"""How long a server may be away."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


class Absence:
    """How long a server that was there has been away, and when to try it again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._connected = False
        self._since = 0.0
        self._failed = 0

    def end(self) -> None:
        self._connected = True
        self._failed = 0

    def tolerates(self, error: ApiError) -> bool:
        """Whether trying again may help."""
        match error:
            case ConnectionLost():
                self._connected = True
                return True
            case RequestRefused():
                return error.code == "UNAVAILABLE"
            case NoServer():
                return self._connected and not (self._failed and self._clock() - self._since > PATIENCE_SECONDS)
        return False

    def next_pause(self) -> float:
        """Seconds before the next attempt: doubled each time, and jittered, so that clients do not come back at once."""
        if not self._failed:
            self._since = self._clock()
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._failed, 10))
        self._failed += 1
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, protects nothing
