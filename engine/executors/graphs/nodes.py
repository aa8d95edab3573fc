"""Runs the nodes of a declared graph: each is a step of its kind, recorded as a child step run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.errors import GraphBubbleUp
from pydantic import BaseModel, ValidationError

from engine.domain.expressions import ExpressionFailed, Scope, render
from engine.domain.failure import Usage
from engine.domain.kinds import Beginning, Execute, Fail, Kinds, StepKind, Succeed, Wait
from engine.domain.validation.shape import did_you_mean
from engine.domain.waiting import WaitingFor, WaitKind
from engine.executors.failures import failure_of
from engine.executors.graphs.builder import PENDING, BuiltGraph, Visit
from engine.executors.graphs.channels import State
from engine.executors.graphs.declaration import START, NodeDefinition
from engine.executors.graphs.interrupts import NodeAnswers, answered, ask
from engine.executors.graphs.nested_step import nested_step
from engine.executors.graphs.refusals import Where, refusal, refused_expression, refused_with
from engine.executors.port import BudgetReached, ChildRun, Executor, StepContext, StepFailure, Suspended

WAITS = (WaitKind.APPROVAL, WaitKind.SIGNAL)
"""What a node may wait for without running."""


class NodeRunner:
    """The nodes of one run of one graph."""

    def __init__(self, step: StepContext, graph: BuiltGraph, kinds: Kinds, *, now: Callable[[], datetime]) -> None:
        self._step = step
        self._graph = graph
        self._nodes = graph.declaration.nodes
        self._kinds = kinds
        self._now = now
        self._usage = Usage()

    @property
    def usage(self) -> Usage | None:
        """What the nodes' steps reported besides the model calls that they settled."""
        return self._usage if self._usage != Usage() else None

    def first(self, given: Any) -> State:
        """The graph's input. Raises `StepFailure`."""
        state = self._graph.channels.first(given)
        return {**state, PENDING: list(self._graph.channels.targets(START, state, self._step.scope))}

    async def visit(self, node: str, state: State, task_id: str) -> Visit:
        if self._graph.joins.must_wait(node, state[PENDING]):
            return Visit(update={}, targets=(node,))
        values = self._graph.channels.of(state)
        scope = self._step.scope.extend(state=values)
        asked = answered()
        child, kind, with_ = self._begin(node, scope)
        visit = _Visit(child=child, kind=kind, with_=with_, scope=scope, task_id=task_id, asked=asked)
        try:
            output = await self._output(visit)
            visited = self._visited(node, values, output, scope)
        except (GraphBubbleUp, BudgetReached):
            raise
        except Exception as error:
            failure = failure_of(error, child.step_id)
            child.failed(failure)
            raise StepFailure(failure) from error
        child.succeeded(output)
        return visited

    def _begin(self, node: str, scope: Scope) -> tuple[ChildRun, StepKind, BaseModel]:
        definition = self._nodes[node]
        where = ("nodes", node)
        try:
            kind = self._kind(definition.kind, where)
            recorded = _rendered(kind, definition, scope, where)
            with_ = _validated(kind, self._veiled(node, kind, recorded, scope), where)
        except StepFailure as error:
            child = self._step.child(node, definition.kind, None)
            failure = failure_of(error, child.step_id)
            child.failed(failure)
            raise StepFailure(failure) from error
        return self._step.child(node, kind.name, recorded), kind, with_

    def _veiled(self, node: str, kind: StepKind, recorded: dict[str, Any], scope: Scope) -> dict[str, Any]:
        """What the node works with: placeholders in place of secrets, which its executor may reveal."""
        if node not in self._graph.secretive:
            return recorded
        return {**recorded, **self._step.render(_ready(kind, self._nodes[node]), scope)}

    def _kind(self, name: str, where: Where) -> StepKind:
        if name not in self._kinds:
            hint = did_you_mean(name, self._kinds)
            message = f"there is no step kind {name!r}" + (f"; {hint}" if hint else "")
            raise StepFailure(refusal("unknown_kind", message, (*where, "kind")))
        return self._kinds[name]

    async def _output(self, visit: "_Visit") -> Any:
        match visit.kind.begin(self._beginning(visit)):
            case Succeed(output):
                return output
            case Fail(failure):
                raise StepFailure(failure)
            case Wait(waiting_for) if waiting_for.kind in WAITS:
                return _answer(visit, waiting_for)
            case Execute() if isinstance(visit.kind, Executor):
                return await self._executed(visit, visit.kind)
            case other:
                message = f"a step of kind {visit.kind.name} cannot be a node: it begins with {type(other).__name__}"
                raise StepFailure(refusal("unsupported_node", message))

    def _beginning(self, visit: "_Visit") -> Beginning:
        return Beginning(
            execution_id=self._step.execution_id,
            step_id=visit.child.step_id,
            attempt=self._step.attempt,
            at=self._now(),
            with_=visit.with_,
            scope=visit.scope,
        )

    async def _executed(self, visit: "_Visit", kind: Executor) -> Any:
        inner = self._step.nested(visit.child, kind.name, visit.with_, visit.scope)
        step = nested_step(inner, self._step, visit.task_id, visit.asked)
        try:
            with _outside_of_langgraph():
                result = await kind.run(step)
        except StepFailure as error:
            self._usage += error.usage or Usage()
            raise
        self._usage += result.usage or Usage()
        if isinstance(result, Suspended):
            visit.child.waiting(result.waits[0])
            ask(step.step_id, result.waits)
        return result.output

    def _visited(self, node: str, values: State, output: Any, scope: Scope) -> Visit:
        path = ("nodes", node, "update")
        try:
            update = render(self._nodes[node].update, scope.extend(output=output))
        except ExpressionFailed as error:
            raise StepFailure(refused_expression(error, path)) from error
        after = self._graph.channels.updated(values, update, path)
        return Visit(update=update, targets=self._graph.channels.targets(node, after, self._step.scope))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """One node at work. `asked` is what it was answered, where it has asked in an earlier run of the same visit."""

    child: ChildRun
    kind: StepKind
    with_: BaseModel
    scope: Scope
    task_id: str
    asked: NodeAnswers | None


def _answer(visit: _Visit, waiting_for: WaitingFor) -> Any:
    if visit.asked is None:
        visit.child.waiting(waiting_for)
        ask(visit.child.step_id, [waiting_for])
    return visit.asked.answers[-1].value


@contextmanager
def _outside_of_langgraph() -> Iterator[None]:
    """A graph that the node's step runs is its own: LangGraph would take it for a subgraph of this one."""
    token = var_child_runnable_config.set(None)
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def _rendered(kind: StepKind, definition: NodeDefinition, scope: Scope, where: Where) -> dict[str, Any]:
    try:
        return {**definition.with_, **render(_ready(kind, definition), scope)}
    except ExpressionFailed as error:
        raise StepFailure(refused_expression(error, (*where, "with"))) from error


def _ready(kind: StepKind, definition: NodeDefinition) -> dict[str, Any]:
    return {name: value for name, value in definition.with_.items() if name not in kind.DEFERRED}


def _validated(kind: StepKind, rendered: dict[str, Any], where: Where) -> BaseModel:
    try:
        return kind.With.model_validate(rendered)
    except ValidationError as error:
        raise StepFailure(refused_with(error, (*where, "with"))) from error
