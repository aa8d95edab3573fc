"""What a step kind implements, and what it is given when a worker runs it."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from pydantic import BaseModel

from engine.domain.expressions import Scope
from engine.domain.failure import Failure, Usage
from engine.domain.kinds import Begin, Beginning, Execute, StepKind
from engine.domain.waiting import WaitingFor

if TYPE_CHECKING:  # see `late.py`
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.store.base import BaseStore


class Done(msgspec.Struct, frozen=True):
    """`output` is JSON: None, bool, int, float, str, list, dict with string keys."""

    output: Any
    usage: Usage | None = None


class Suspended(msgspec.Struct, frozen=True):
    """The step waits for something outside. The worker lets go of it; when an answer is there, `run` is called again from its
    top, with every answer so far in `answers`. `waits` holds one entry for each pending interrupt, at least one.
    """

    waits: tuple[WaitingFor, ...]
    usage: Usage | None = None


Result = Done | Suspended


class Answer(msgspec.Struct, frozen=True):
    interrupt_id: str | None
    value: Any


class StepFailure(Exception):
    """Raised by an executor: the step failed, for the reason given. Any other exception becomes a TASK failure whose code is
    the exception's class name in snake_case. `usage` is what was consumed nevertheless.
    """

    def __init__(self, failure: Failure, usage: Usage | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.usage = usage


class BudgetReached(Exception):
    """Raised by `StepContext.model_call` when the execution's budget does not cover another call. The executor lets it pass: the
    execution is paused, and the step starts again after a resume with more.
    """


class ModelCall(Protocol):
    """One reserved model call. Exactly one of the two outcomes is reported before the context is left: `settle`, or an exception."""

    max_tokens: int | None
    """The most that the call may generate, so that the budget cannot be exceeded; None is without limit."""

    def settle(self, usage: Usage) -> None: ...


class StepContext(Protocol):
    """One attempt at one step run, handed to `Executor.run`."""

    tenant: str
    execution_id: str
    workflow: str
    step_id: str
    """The full path: `map[3].step`."""
    attempt: int
    idempotency_key: str
    """The same for every try of this step run, so that what it calls can recognise a repetition."""
    with_: Any
    """The validated `With` model. Where its author wrote `secrets`, there are placeholders: see `reveal`."""
    answers: Sequence[Answer]
    """What was answered to this step's interrupts, in order of arrival."""
    scope: Scope
    """The names that expressions of this step may use, for the kind's deferred fields. It has no secrets."""
    thread_id: str
    """Of the LangGraph checkpoints of this step run."""
    trace: Mapping[str, str]
    """W3C's Trace Context of the execution, for what it sends: `traceparent` and `tracestate`, where it was started with them."""

    @property
    def checkpointer(self) -> "BaseCheckpointSaver[Any]":
        """Keeps LangGraph checkpoints with this execution. What a former owner of the lease goes on writing is not seen."""

    @property
    def store(self) -> "BaseStore":
        """The tenant's long-term memory: LangGraph's store."""

    def render(self, template: Any, scope: Scope) -> Any:
        """An author's template, a deferred field say, rendered with placeholders for what mentions secrets. Never call this with
        data: whoever can write `${ }` can name secrets. Raises `ExpressionFailed`.
        """

    async def reveal(self, value: Any) -> Any:
        """`value` with its placeholders replaced by the secrets. The result must not be stored or logged."""

    def progress(self, *, message: str | None = None, fraction: float | None = None, data: Any = None) -> None:
        """Live only; may be dropped for slow readers."""

    def delta(self, text: str) -> None:
        """A piece of streamed output; live only."""

    def tool_called(self, call_id: str, tool: str, arguments: Any) -> None: ...

    def tool_returned(self, call_id: str, tool: str, *, result: Any = None, failure: Failure | None = None) -> None: ...

    def log(self, level: str, message: str, fields: Mapping[str, Any] | None = None) -> None: ...

    def checkpoint_saved(self, checkpoint_id: str) -> None: ...

    def model_call(
        self, model: str, *, prompt_tokens: int, max_tokens: int | None
    ) -> AbstractAsyncContextManager[ModelCall]:
        """Reserves budget for one model call; `prompt_tokens` is an estimate. Raises `BudgetReached`. What `settle` reports is
        added to the usage of the step, also where the step fails later, so executors do not report it again in their result.
        """

    def child(self, name: str, kind: str, input_: Any) -> "ChildRun":
        """Begins a child step run `{step_id}.{name}`, from its second visit on `{step_id}.{name}[n]`. Recorded for people; the
        engine does not schedule it.
        """

    def nested(self, child: "ChildRun", kind: str, with_: BaseModel, scope: Scope) -> "StepContext":
        """The context for running another kind's executor inside this step, as the given child run (nodes of a graph)."""


class ChildRun(Protocol):
    """A child step run under way: exactly one outcome."""

    step_id: str

    def succeeded(self, output: Any) -> None: ...

    def failed(self, failure: Failure) -> None: ...

    def waiting(self, waiting_for: WaitingFor) -> None: ...


class Executor(StepKind):
    """A kind that a worker runs."""

    def begin(self, beginning: Beginning) -> Begin:  # noqa: ARG002  # a worker finds out the rest
        return Execute()

    @abstractmethod
    async def run(self, step: StepContext) -> Result:
        """Cancelled on timeouts and when the execution is cancelled: let `CancelledError` pass, soon. May be called again with
        the same `idempotency_key` after a crash. Raises `StepFailure`, `BudgetReached`, or whatever user code raises.
        """
