"""Port: what is happening right now, for those who watch."""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager

import msgspec

from engine.domain.events import Entry


class Lagged(msgspec.Struct, frozen=True):
    """Entries were dropped because the subscriber's buffer was full; the log has those that are durable."""


class LiveEntries(ABC):
    @abstractmethod
    async def next(self) -> Entry | Lagged:
        """The next entry, as soon as there is one. After `Lagged` the buffer is empty and goes on with what comes then."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """An execution was written."""

    execution_id: str
    workflow_id: str
    status: str
    batch_id: str | None


class LiveChanges(ABC):
    @abstractmethod
    async def next(self) -> list[Changed] | Lagged:
        """The executions that changed since the last call, each once, newest state last; waits until there is one."""


class LiveHub(ABC):
    """One for each process. Subscriptions see what is committed from the moment the context is entered."""

    @abstractmethod
    def entries(self, tenant: str, execution_id: str) -> AbstractAsyncContextManager[LiveEntries]: ...

    @abstractmethod
    def changes(self, tenant: str) -> AbstractAsyncContextManager[LiveChanges]: ...
