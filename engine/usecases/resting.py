"""Things that are left alone for a while."""

import asyncio
from collections.abc import Hashable


class Resting:
    def __init__(self) -> None:
        self._until: dict[Hashable, float] = {}
        """By the clock of the event loop."""

    def rest(self, key: Hashable, seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        self._until = {each: until for each, until in self._until.items() if until > now}
        self._until[key] = now + seconds

    def __contains__(self, key: Hashable) -> bool:
        until = self._until.get(key)
        return until is not None and until > asyncio.get_running_loop().time()
