"""A worker's hold on one execution: its lease, what it knows to be stored, and the commits that it makes under the lease."""

import asyncio
from collections.abc import Container, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.domain.events import DurableEvent
from engine.domain.execution import Execution
from engine.domain.status import ExecutionStatus, StepStatus
from engine.storage.port import Conflict, Write
from engine.storage.repositories.head import Lease, Stored
from engine.usecases.journal import Clock, Journal

LEASE = timedelta(seconds=60)
"""Unless the settings say otherwise. A lease is renewed when a third of it is over."""
REREAD_SECONDS = 5.0
"""How often an owner looks whether somebody else wrote, where a hint may have been lost."""
_IDLE = (ExecutionStatus.WAITING, ExecutionStatus.PAUSED)


class Fenced(Exception):
    """Somebody else holds the lease now; whatever was not committed is theirs to do again."""


class Decided(NamedTuple):
    """What is to be committed, and whether another `Advance` is wanted after that."""

    events: list[DurableEvent]
    execution: Execution
    at: datetime
    more: bool


class Tenure:
    """`stored` is the execution as it is known to be stored; `held` whether the lease is this worker's. `exclusive`: no other process
    can take it.
    """

    def __init__(
        self, stored: Stored, *, owner: str, journal: Journal, clock: Clock, exclusive: bool, length: timedelta
    ) -> None:
        self.stored = stored
        self.held = False
        self.poked = False
        """Whether somebody may have written to the execution."""
        self.exclusive = exclusive
        self._owner = owner
        self._journal = journal
        self._clock = clock
        self._length = length
        self._lease = Lease(owner=owner, epoch=stored.epoch + 1, until=clock() + length)
        self._reread_at = asyncio.get_running_loop().time() + REREAD_SECONDS

    @property
    def epoch(self) -> int:
        return self._lease.epoch

    def in_force(self) -> bool:
        """Where others could take the lease, it is not in force any more once it ran out: this process stood still."""
        return self.exclusive or self._clock() < self._lease.until

    def seconds_to_upkeep(self) -> float:
        """Until the lease is to be renewed, or what is stored to be looked at."""
        renew = (self._lease.until - self._length * 2 / 3 - self._clock()).total_seconds()
        return renew if self.exclusive else min(renew, self._reread_at - asyncio.get_running_loop().time())

    @property
    def stale(self) -> bool:
        """Whether to look at what is stored before deciding. A lease that ran out may be somebody else's by now."""
        if self.poked:
            return True
        if self.exclusive or not self.held:
            return False
        return asyncio.get_running_loop().time() >= self._reread_at or not self.in_force()

    async def commit(self, decided: Decided, mark: str | None, writes: Sequence[Write] = ()) -> None:
        """Keeps the lease while there is something to do, and renews it on the way. Raises `Conflict`, `Unavailable`."""
        events, after, at, _ = decided
        keep = not after.state.terminal and not _idle(after)
        renewed = Lease(owner=self._owner, epoch=self._lease.epoch, until=at + self._length)
        current = self.held and self._lease.until - at > self._length * 2 / 3
        if not events and keep and current:
            return
        lease = (self._lease if current else renewed) if keep else None
        try:
            self.stored = await self._journal.append(
                self.stored, events, after, at, lease=lease, mark=mark, writes=writes
            )
        except Conflict:
            self._journal.forget(self.stored.state.tenant, self.stored.state.id)
            self.poked = True
            raise
        self.held = keep
        if lease is not None:
            self._lease = lease

    async def hand_back(self, decided: Decided) -> None:
        """Commits without a lease. Raises `Conflict`, `Unavailable`."""
        events, after, at, _ = decided
        try:
            self.stored = await self._journal.append(self.stored, events, after, at, lease=None)
        except Conflict:
            self._journal.forget(self.stored.state.tenant, self.stored.state.id)
            raise
        self.held = False

    async def catch_up(self, tried: Container[str] = ()) -> bool:
        """Reads what was written by others, or by a commit of its own that was `tried` and reported as failed, and says whether there
        was anything. Raises `Fenced` if somebody else has the lease.
        """
        self.poked = False
        self._reread_at = asyncio.get_running_loop().time() + REREAD_SECONDS
        fresh = await self._journal.reload(self.stored)
        if fresh.rev == self.stored.rev:
            return False
        ours = fresh.lease is not None and (fresh.lease.owner, fresh.lease.epoch) == (self._owner, self._lease.epoch)
        if not ours and not fresh.state.terminal and fresh.mark not in tried:
            if self.held or self._taken(fresh):
                raise Fenced(fresh.state.id)
            self._lease = Lease(owner=self._owner, epoch=fresh.epoch + 1, until=self._lease.until)
        if ours and fresh.lease is not None:
            self._lease = fresh.lease
        self.stored = fresh
        self.held = ours and not fresh.state.terminal
        return True

    def _taken(self, fresh: Stored) -> bool:
        """Whether somebody else holds a lease that is in force; where this process is the only one, nobody else can."""
        return not self.exclusive and fresh.lease is not None and fresh.lease.until > self._clock()


def _idle(execution: Execution) -> bool:
    """Nothing to do until something comes from outside."""
    if execution.state.status not in _IDLE:
        return False
    return not any(
        run.status is StepStatus.RUNNING and run.fan is None
        for run in (execution.runs[path] for path in execution.open)
    )
