"""One time for many machines: this machine's clock, corrected to the store's.

Leases are compared between processes. A machine whose clock is minutes ahead would take everybody's, one that is behind would lose its
own; the store answers all of them, so its clock is the one that counts.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from engine.domain.errors import Unavailable
from engine.storage.port import DocumentStore
from engine.usecases.journal import Clock

EVERY_SECONDS = 30.0
WORTH_SAYING = timedelta(seconds=1)

_log = logging.getLogger(__name__)


def steady(clock: Clock) -> Clock:
    """What the clock shows now, and from then on the time that has passed by the event loop's: a clock that is set to another time
    meanwhile, by an administrator or a time server, would make every lease of others look as if it had run out.
    """
    loop = asyncio.get_running_loop()
    began, at = clock(), loop.time()
    return lambda: began + timedelta(seconds=loop.time() - at)


class SharedClock:
    """A `Clock`. Correct from the first `look` on, to about half the time that an answer of the store takes."""

    def __init__(self, local: Clock, store: DocumentStore) -> None:
        self._local = local
        self._store = store
        self.offset = timedelta(0)
        """What is added to the local time."""

    def __call__(self) -> datetime:
        return self._local() + self.offset

    async def look(self) -> None:
        """Compares the clocks once. Raises `Unavailable`."""
        before = self._local()
        there = await self._store.now()
        after = self._local()
        if there is None:
            return
        offset = there - after
        if abs(offset - self.offset) <= (after - before) / 2:
            return  # no more than how far the answer itself may be off: on a busy machine correcting that would do harm
        if abs(offset - self.offset) > WORTH_SAYING:
            _log.warning("this machine's clock is %.1f s off the store's; the store's counts", -offset.total_seconds())
        self.offset = offset

    async def run(self, started: asyncio.Event) -> None:
        """Until cancelled."""
        started.set()
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.look()
            except Unavailable as error:
                _log.warning("the store's time is not known: %s", error)
