"""How long to wait for Firestore, and how often to ask again."""

import asyncio
import random

import msgspec


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """The client library would try again for one to five minutes; those who wait here are people and leases."""

    get_seconds: float = 5.0
    query_seconds: float = 10.0
    document_seconds: float = 0.05
    """In addition for each document that may come: it can have a megabyte."""
    commit_seconds: float = 10.0
    read_budget_seconds: float = 10.0
    """No read is begun again after this."""
    commit_budget_seconds: float = 20.0
    first_delay_seconds: float = 0.05
    longest_delay_seconds: float = 2.0

    def seconds_for(self, documents: int) -> float:
        return self.query_seconds + documents * self.document_seconds


class Backoff:
    """Doubling delays with jitter, until the budget is spent."""

    def __init__(self, patience: Patience, budget_seconds: float) -> None:
        self._longest = patience.longest_delay_seconds
        self._delay = patience.first_delay_seconds
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + budget_seconds

    async def pause(self) -> bool:
        """False, at once, where there is no time for another try."""
        delay = self._delay * random.uniform(0.5, 1)  # noqa: S311 - so that rivals do not come back together
        if self._loop.time() + delay >= self._deadline:
            return False
        await asyncio.sleep(delay)
        self._delay = min(self._longest, self._delay * 2)
        return True
