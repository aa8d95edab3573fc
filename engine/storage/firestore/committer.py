"""Commits: asked for until it is known that they were applied, or that they were not, within a bounded time.

A commit that nobody answered may have been applied. Then its documents are read: the token that it left in them tells. The same
commit can be asked for again without being applied twice, because its first application ends its own preconditions. One that has
none may be, which for documents that are replaced or deleted unseen is as good as once.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from grpc import StatusCode  # type: ignore[import-untyped]  # grpcio ships no types

from engine.domain.errors import WeftError
from engine.storage.firestore.calls import MAYBE_APPLIED, PRECONDITION, CallFailed, Calls
from engine.storage.firestore.failures import failed, no_such_database, perhaps_committed, worth_another_try
from engine.storage.firestore.outgoing import Commit
from engine.storage.firestore.patience import Backoff, Patience
from engine.storage.firestore.preconditions import Fate, conditional, fate, first_refusal
from engine.storage.firestore.reader import Reader
from engine.storage.firestore.revisions import Revisions
from engine.storage.port import Conflict, Delete

_Step = Callable[[], Awaitable[Any]]
"""Returns the next one, or None at the end."""
_OVERTAKEN = CallFailed(StatusCode.ABORTED, "this process itself wrote what was being read")


class Committer:
    def __init__(self, calls: Calls, reader: Reader, revisions: Revisions, patience: Patience) -> None:
        self._calls = calls
        self._reader = reader
        self._revisions = revisions
        self._patience = patience

    async def commit(self, commit: Commit) -> None:
        """Raises `Conflict`, `Unavailable`, and what Firestore refuses of the request itself."""
        await _Attempts(self._calls, self._reader, self._revisions, self._patience, commit).run()


class _Attempts:
    """Those at one commit."""

    def __init__(self, calls: Calls, reader: Reader, revisions: Revisions, patience: Patience, commit: Commit) -> None:
        self._calls = calls
        self._reader = reader
        self._revisions = revisions
        self._seconds = patience.commit_seconds
        self._backoff = Backoff(patience, patience.commit_budget_seconds)
        self._commit = commit
        self._doubt: CallFailed | None = None
        """After the last attempt that may have been applied."""
        self._refusals = 0

    async def run(self) -> None:
        step: _Step | None = self._ask if self._commit.arm(self._revisions) else self._look
        while step is not None:
            step = await step()

    async def _ask(self) -> _Step | None:
        try:
            response = await self._calls.commit(self._commit.request, self._seconds)
        except CallFailed as failure:
            return await self._after(failure)
        self._commit.learn(response, self._revisions)
        return None

    async def _after(self, failure: CallFailed) -> _Step:
        refused = failure.code in PRECONDITION and self._commit.conditional and not no_such_database(failure)
        if failure.code in MAYBE_APPLIED:
            self._doubt = failure
        elif refused:
            self._refusals += 1
        elif not worth_another_try(failure):
            raise self._given_up(failure) from failure
        if not refused or self._refusals > 1:
            await self._pause(failure)
        return self._look if refused or self._doubt else self._ask

    async def _look(self) -> _Step | None:
        """At what is stored, after which it is known whether to ask (again)."""
        writes = self._commit.writes
        telling = [
            write.path
            for write in writes
            if conditional(write) or (self._doubt is not None and not isinstance(write, Delete))
        ]
        try:
            stored = await self._reader.revisions(telling)
        except CallFailed as failure:
            if not worth_another_try(failure):
                raise self._given_up(failure) from failure
            await self._pause(failure)
            return self._look
        found = [stored.get(write.path) for write in writes]
        if self._doubt is not None:
            decided = fate(writes, found, self._commit.token)
            if decided is Fate.APPLIED:
                return None
            if decided is Fate.UNKNOWN and self._commit.conditional:
                raise perhaps_committed(self._doubt) from self._doubt
        refusal = first_refusal(writes, found)
        if refusal is not None:
            raise Conflict(refusal)
        if self._commit.arm(self._revisions):
            return self._ask
        await self._pause(_OVERTAKEN)
        return self._look

    async def _pause(self, failure: CallFailed) -> None:
        if not await self._backoff.pause():
            raise self._given_up(failure) from failure

    def _given_up(self, failure: CallFailed) -> WeftError:
        return failed(failure) if self._doubt is None else perhaps_committed(self._doubt)
