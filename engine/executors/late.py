"""Modules that the server starts without, and how they are loaded.

LangChain, LangGraph and httpx take longer to import than everything else together. So a kind that needs them has two
modules: one with what a server needs to start (its name, its `with`), and one that runs its steps, which is named here and
loaded by `Late` when the first such step runs. `warm_up` loads them all once the server has started. Whichever comes first,
the import happens in a thread: on the event loop it would hold up everything else for a second.
"""

import asyncio
import importlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, TypeVar

from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.executors.port import StepFailure

CHECKPOINTER = "engine.executors.checkpointer"
MEMORY = "engine.executors.memory"
FUNCTION_RUN = "engine.executors.function_run"
GUARDED_CONNECTIONS = "engine.executors.guarded_connections"
HTTP_RUN = "engine.executors.http_run"
MODEL_REPLIES = "engine.executors.model_replies"
LLM_RUN = "engine.executors.llm_run"
DECIDE_RUN = "engine.executors.decide_run"
GRAPH_STEP = "engine.executors.graphs.graph_step"
AGENT_RUN = "engine.executors.agent_run"
SCRIPTED_MODEL = "engine.executors.scripted"
BORROWED_CLIENTS = "engine.executors.borrowed_clients"

STEP_STATE = (CHECKPOINTER, MEMORY)
"""What `StepContext.checkpointer` and `.store` are made of, which cannot wait for an import."""
LATE = (
    *STEP_STATE,
    FUNCTION_RUN,
    GUARDED_CONNECTIONS,
    HTTP_RUN,
    MODEL_REPLIES,
    LLM_RUN,
    DECIDE_RUN,
    GRAPH_STEP,
    AGENT_RUN,
)
"""In the order in which they are warmed up: functions are the steps that are expected to be quick."""

T = TypeVar("T")

_log = logging.getLogger(__name__)

# One thread for the whole process, as modules are the whole process's: where two threads enter one of these libraries'
# circles of imports from two sides, each may meet modules that the other has half made.
_thread = ThreadPoolExecutor(1, thread_name_prefix="weft-import")


async def importing(call: Callable[[], T]) -> T:
    """What `call`, which may import modules, returns or raises. Cancelled, it goes on in its thread."""
    return await asyncio.get_running_loop().run_in_executor(_thread, call)


class Late(Generic[T]):
    """Something whose module is loaded when it is first asked for. `make` is given the module, in the thread that loaded
    it; `along` are modules that have to be there as well.
    """

    def __init__(self, module: str, make: Callable[[Any], T], *, along: Sequence[str] = ()) -> None:
        self._module = module
        self._make = make
        self._along = along
        self._making = asyncio.Lock()
        self._made: T | None = None

    async def get(self) -> T:
        """The same every time; whoever asks while it is being made waits for it. Raises `StepFailure` (INFRA,
        `part_not_loaded`) where it cannot be made, and tries again the next time.
        """
        if self._made is None:
            async with self._making:
                if self._made is None:
                    self._made = await self._loaded()
        return self._made

    @property
    def made(self) -> T | None:
        """None where nobody has asked yet."""
        return self._made

    async def _loaded(self) -> T:
        try:
            return await importing(self._load)
        except Exception as error:
            message = f"{self._module} cannot be loaded: {type(error).__name__}: {error}"
            raise StepFailure(Failure(kind=FailureKind.INFRA, code="part_not_loaded", message=message)) from error

    def _load(self) -> T:
        for name in self._along:
            importlib.import_module(name)
        return self._make(importlib.import_module(self._module))


async def warm_up(modules: Sequence[str] = LATE) -> None:
    """Loads the modules one by one; a step that needs one of them waits for no more than the one under way. A module that
    cannot be loaded is logged: the steps that need it will say so.
    """
    for name in modules:
        try:
            await importing(partial(importlib.import_module, name))
        except Exception:  # noqa: BLE001 - whatever the modules of others raise when they are imported
            _log.exception("%s cannot be loaded", name)
