"""Watch an execution: its log after a seq, then what happens, gap-free and without repeats, to its end."""

from collections.abc import AsyncIterator

from engine.domain.errors import BadRequest, NotFound
from engine.domain.events import TERMINAL, Entry
from engine.storage.repositories.head import Stored
from engine.storage.repositories.head_view import HeadView
from engine.usecases.caller import Caller
from engine.usecases.live import Lagged, LiveEntries
from engine.usecases.services import Services

_READ_AT_ONCE = 500


async def watch_execution(
    services: Services, caller: Caller, execution_id: str, *, after: int, ephemeral: bool
) -> AsyncIterator[Entry]:
    """Ends behind the terminal entry. Ephemeral entries (seq None) come only live, and may be dropped for slow readers.

    The order is what makes it lossless: first listen, then read the log, then go on live; a jump in `seq` is filled
    from the log, a repeat is dropped.

    Raises `NotFound` and `BadRequest` before the first entry.
    """
    if after < 0:
        raise BadRequest(f"after must not be negative, but is {after}", path=("after",))
    async with services.hub.entries(caller.tenant, execution_id) as live:
        follower = _Follower(services, caller, execution_id, after)
        head = await follower.head()
        if after > head.state.seq:
            message = f"after is {after}, but the log ends at {head.state.seq}"
            raise BadRequest(message, path=("after",))
        if head.state.terminal and after == head.state.seq:
            return
        async for entry in follower.log(head):
            yield entry
        while not follower.ended:
            async for entry in follower.next(live, ephemeral=ephemeral):
                yield entry


class _Follower:
    """Where a reader is in the log."""

    def __init__(self, services: Services, caller: Caller, execution_id: str, after: int) -> None:
        self._services = services
        self._caller = caller
        self._execution_id = execution_id
        self._seq = after
        self.ended = False

    async def head(self) -> HeadView | Stored:
        tenant, services = self._caller.tenant, self._services
        known = services.journal.known(tenant, self._execution_id)
        head = known or await services.executions.view(tenant, self._execution_id)
        if head is None:
            raise NotFound(f"there is no execution {self._execution_id[:80]!r}", path=("executionId",))
        return head

    async def log(self, head: HeadView | Stored | None = None) -> AsyncIterator[Entry]:
        """Whatever the log has behind the last entry seen; `head` is how it stood a moment ago, where that is known."""
        while not self.ended:
            head = head or await self.head()
            entries = await self._services.executions.entries_of(head, after=self._seq, limit=_READ_AT_ONCE)
            head = None
            for entry in entries:
                yield self._seen(entry)
            if len(entries) < _READ_AT_ONCE:
                return

    async def next(self, live: LiveEntries, *, ephemeral: bool) -> AsyncIterator[Entry]:
        entry = await live.next()
        if isinstance(entry, Lagged) or (entry.seq is not None and entry.seq > self._seq + 1):
            async for read in self.log():
                yield read
        elif entry.seq is None:
            if ephemeral:
                yield entry
        elif entry.seq == self._seq + 1:
            whole = await self._services.executions.whole(self._caller.tenant, self._execution_id, entry)
            yield self._seen(whole)

    def _seen(self, entry: Entry) -> Entry:
        assert entry.seq is not None
        self._seq = entry.seq
        self.ended = isinstance(entry.event, TERMINAL)
        return entry
