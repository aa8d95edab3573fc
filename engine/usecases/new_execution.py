"""Port: whoever in this process may begin a new execution at once, in the commit that creates it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from engine.domain.events import DurableEvent
from engine.domain.execution import Execution
from engine.storage.port import Write
from engine.storage.repositories.head import Stored


class NewExecution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution that is not in the store yet. `blank` is it after the first of `events`, `execution` after all of them; `writes`
    belong into the commit that creates it.
    """

    blank: Stored
    execution: Execution
    events: tuple[DurableEvent, ...]
    writes: Sequence[Write]


class Starter(ABC):
    @abstractmethod
    async def start(self, new: NewExecution) -> bool:
        """Commits it under a lease of its own, together with what it begins with, and drives it on; where there is no room for it
        now, or somebody waits before it, does nothing and says False. Created or not, that does not change if the caller is
        cancelled meanwhile.

        Raises `Conflict`, `Unavailable`: then it does not exist.
        """
