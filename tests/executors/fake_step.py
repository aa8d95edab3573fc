"""A `StepContext` that remembers everything an executor did with it, for tests of executors."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel

from engine.domain.expressions import render
from engine.domain.failure import Budget, Failure, Usage
from engine.domain.waiting import WaitingFor
from engine.executors.port import Answer, BudgetReached, ChildRun, ModelCall, StepContext

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.store.base import BaseStore

    from engine.domain.expressions import Scope

Reveal = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Progress:
    message: str | None
    fraction: float | None
    data: Any


@dataclass(frozen=True, kw_only=True)
class LogLine:
    level: str
    message: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    call_id: str
    tool: str
    arguments: Any


@dataclass(frozen=True, kw_only=True)
class ToolReturn:
    call_id: str
    tool: str
    result: Any
    failure: Failure | None


@dataclass(kw_only=True)
class FakeChildRun:
    """`outcome` is `running` until `succeeded`, `failed` or `waiting` was reported; a second report is an error."""

    step_id: str
    kind: str
    input: Any
    outcome: str = "running"
    output: Any = None
    failure: Failure | None = None
    waiting_for: WaitingFor | None = None

    def succeeded(self, output: Any) -> None:
        self._ends("succeeded")
        self.output = output

    def failed(self, failure: Failure) -> None:
        self._ends("failed")
        self.failure = failure

    def waiting(self, waiting_for: WaitingFor) -> None:
        self._ends("waiting")
        self.waiting_for = waiting_for

    def _ends(self, outcome: str) -> None:
        if self.outcome != "running":
            raise AssertionError(f"{self.step_id} already {self.outcome}, now {outcome}")
        self.outcome = outcome


@dataclass(kw_only=True)
class FakeModelCall:
    """`outcome` is the exception's class name where the call was left by one."""

    model: str
    prompt_tokens: int
    max_tokens: int | None
    usage: Usage | None = None
    outcome: str = "open"

    def settle(self, usage: Usage) -> None:
        if self.usage is not None:
            raise AssertionError(f"the call of {self.model} is settled twice")
        self.usage = usage


@dataclass(kw_only=True)
class FakeStepContext:
    """`budget` bounds the model calls of this context, as an execution's would. `reveal` is the identity unless
    `revealed` is given.

    For a second run of the same step (after a crash, a retry, an answer) use `again`: it shares checkpointer and store.
    """

    with_: Any
    tenant: str = "local"
    execution_id: str = "ex_test"
    workflow: str = "test"
    step_id: str = "step"
    attempt: int = 1
    idempotency_key: str = "ex_test/step"
    answers: Sequence[Answer] = ()
    scope: "Scope" = cast("Scope", None)  # noqa: RUF009  expressions are not evaluated unless the test gives a scope
    checkpointer: "BaseCheckpointSaver[Any]" = field(default_factory=InMemorySaver)
    thread_id: str = "ex_test/step"
    store: "BaseStore" = field(default_factory=InMemoryStore)
    budget: Budget = Budget()  # noqa: RUF009  a frozen value
    revealed: Reveal | None = None
    trace: Mapping[str, str] = field(default_factory=dict)

    deltas: list[str] = field(default_factory=list)
    progressed: list[Progress] = field(default_factory=list)
    tools_called: list[ToolCall] = field(default_factory=list)
    tools_returned: list[ToolReturn] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    calls: list[FakeModelCall] = field(default_factory=list)
    children: list[FakeChildRun] = field(default_factory=list)

    @property
    def usage(self) -> Usage:
        """The sum of what was settled."""
        return sum((call.usage for call in self.calls if call.usage), Usage())

    @property
    def text(self) -> str:
        return "".join(self.deltas)

    def again(self, *, answers: Sequence[Answer] = (), attempt: int | None = None) -> "FakeStepContext":
        return FakeStepContext(
            with_=self.with_,
            tenant=self.tenant,
            execution_id=self.execution_id,
            workflow=self.workflow,
            step_id=self.step_id,
            attempt=attempt or self.attempt,
            idempotency_key=self.idempotency_key,
            answers=answers,
            scope=self.scope,
            checkpointer=self.checkpointer,
            thread_id=self.thread_id,
            store=self.store,
            budget=self.budget,
            revealed=self.revealed,
        )

    def render(self, template: Any, scope: "Scope") -> Any:
        return render(template, scope)

    async def reveal(self, value: Any) -> Any:
        return await self.revealed(value) if self.revealed else value

    def progress(self, *, message: str | None = None, fraction: float | None = None, data: Any = None) -> None:
        self.progressed.append(Progress(message=message, fraction=fraction, data=data))

    def delta(self, text: str) -> None:
        self.deltas.append(text)

    def tool_called(self, call_id: str, tool: str, arguments: Any) -> None:
        self.tools_called.append(ToolCall(call_id=call_id, tool=tool, arguments=arguments))

    def tool_returned(self, call_id: str, tool: str, *, result: Any = None, failure: Failure | None = None) -> None:
        self.tools_returned.append(ToolReturn(call_id=call_id, tool=tool, result=result, failure=failure))

    def log(self, level: str, message: str, fields: Mapping[str, Any] | None = None) -> None:
        self.lines.append(LogLine(level=level, message=message, fields=fields or {}))

    def checkpoint_saved(self, checkpoint_id: str) -> None:
        self.checkpoints.append(checkpoint_id)

    def model_call(
        self, model: str, *, prompt_tokens: int, max_tokens: int | None
    ) -> AbstractAsyncContextManager[ModelCall]:
        return self._model_call(FakeModelCall(model=model, prompt_tokens=prompt_tokens, max_tokens=max_tokens))

    @asynccontextmanager
    async def _model_call(self, call: FakeModelCall) -> AsyncIterator[ModelCall]:
        self._reserve(call)
        self.calls.append(call)
        try:
            yield call
        except BaseException as error:
            call.outcome = type(error).__name__
            raise
        if call.usage is None:
            raise AssertionError(f"the call of {call.model} was left without an outcome")
        call.outcome = "settled"

    def _reserve(self, call: FakeModelCall) -> None:
        """Lowers the call's `max_tokens` to what the budget leaves for the reply."""
        used, budget = self.usage, self.budget
        if budget.max_model_calls is not None and used.model_calls >= budget.max_model_calls:
            raise BudgetReached
        if budget.max_cost_usd is not None and used.cost_usd >= budget.max_cost_usd:
            raise BudgetReached
        if budget.max_tokens is not None:
            left = budget.max_tokens - used.tokens - call.prompt_tokens
            if left <= 0:
                raise BudgetReached
            call.max_tokens = left if call.max_tokens is None else min(call.max_tokens, left)

    def child(self, name: str, kind: str, input_: Any) -> ChildRun:
        path = f"{self.step_id}.{name}"
        visit = 1 + sum(run.step_id == path or run.step_id.startswith(f"{path}[") for run in self.children)
        run = FakeChildRun(step_id=path if visit == 1 else f"{path}[{visit}]", kind=kind, input=input_)
        self.children.append(run)
        return run

    def nested(self, child: ChildRun, kind: str, with_: BaseModel, scope: "Scope") -> StepContext:
        """Records into the same lists, so a test sees what the nested executors did; usage and budget are shared."""
        del kind
        nested = self.again()
        nested.with_, nested.step_id, nested.scope = with_, child.step_id, scope
        nested.deltas, nested.progressed, nested.lines = self.deltas, self.progressed, self.lines
        nested.tools_called, nested.tools_returned = self.tools_called, self.tools_returned
        nested.checkpoints, nested.calls, nested.children = self.checkpoints, self.calls, self.children
        return nested
