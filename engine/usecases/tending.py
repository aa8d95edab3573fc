"""Does what is due, each thing once at a time. What fails for a reason of its own is left alone for a while, so that it is in nobody's
way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable

from engine.domain.errors import Unavailable
from engine.storage.port import Conflict
from engine.storage.repositories.decoding import IncompatibleData
from engine.usecases.resting import Resting

FAILED_SECONDS = 60.0
"""Until something is tried again that could not be done for a reason of its own."""

_log = logging.getLogger(__name__)


class Tending:
    """`what` says in the log what its keys name."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._under_way: dict[Hashable, asyncio.Task[None]] = {}
        self._resting = Resting()

    def begin(self, key: Hashable, do: Callable[[], Awaitable[object]]) -> asyncio.Task[None] | None:
        """The task that does it, which may have been under way before and raises nothing; None while it is left alone."""
        task = self._under_way.get(key)
        if task is None and key not in self._resting:
            task = self._under_way[key] = asyncio.create_task(self._done(key, do))
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return task

    async def close(self) -> None:
        """Cancels what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _done(self, key: Hashable, do: Callable[[], Awaitable[object]]) -> None:
        try:
            await do()
        except IncompatibleData as error:
            _log.error("%s %s is left to workers of another version: %s", self._what, key, error)  # a refusal
            self._resting.rest(key, FAILED_SECONDS)
        except (Conflict, Unavailable) as error:
            # Somebody else was quicker, or the store does not answer: the next look sees what is still to be done.
            _log.info("%s %s is left to the next look: %s", self._what, key, error)
        except Exception:  # noqa: BLE001  # a defect about one thing must not end the loop that serves the others
            _log.exception("%s %s could not be done; it is tried again in a minute", self._what, key)
            self._resting.rest(key, FAILED_SECONDS)
