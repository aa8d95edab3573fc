"""How many connections a server holds, by what the system allows it to open."""

import logging
import resource
import time
from collections.abc import Callable, Collection

MOST_DESCRIPTORS = 65_536
"""More connections than that no process of ours serves well."""
_COMPLAIN_EVERY_SECONDS = 60.0

_log = logging.getLogger(__name__)


def raise_descriptor_limit() -> None:
    """From the soft to the hard limit, as is asked of processes that know no `select`: the soft one is 1,024 for the sake of others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:  # macOS has a limit of its own below the one that it tells
        _log.warning("at most %d files and connections can be open, and not %d: %s", soft, wanted, error)


class ConnectionBound:
    """A fifth of the descriptors stays for the store, for modules and for connections to others, which would fail without."""

    def __init__(self, most: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """`most` is four fifths of the descriptors if it is not given."""
        self.most = most if most is not None else _descriptors() * 4 // 5
        self.connections: Collection[object] = ()
        """Of the server, which keeps this up to date."""
        self.refused = 0
        self._clock = clock
        self._complain_at = clock()

    def refuses(self, connections: int) -> bool:
        """Asked with each new connection, which is counted in."""
        if connections <= self.most:
            return False
        self.refused += 1
        now = self._clock()
        if now >= self._complain_at:
            self._complain_at = now + _COMPLAIN_EVERY_SECONDS
            _log.warning(
                "%d connections are open, which is four fifths of what the system allows (ulimit -n): new ones are closed; %d so far",
                self.most,
                self.refused,
            )
        return True


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else min(soft, MOST_DESCRIPTORS)
