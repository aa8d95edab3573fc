"""A definition made executable: for every list of steps its order, who needs whom, and each step's policies with defaults applied."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.domain.definition import Compensation, Handler, Policies, Retry, StepDefinition, WorkflowDefinition
from engine.domain.kinds import Kinds, StepKind
from engine.domain.paths import COMPENSATE

NO_RETRY = Retry()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step of a plan, or the compensation of one.

    `callers` are the steps whose `on_error` runs this one: a step with callers is their handler and runs for them alone, when one of
    them has failed. Needs of its own do not hold it up: what needs its callers waits for it, and could be among them.
    """

    id: str
    kind: StepKind
    with_: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    join: str = "all"
    when: str | bool | None = None
    timeout: timedelta | None = None
    retry: Retry = NO_RETRY
    continue_on_error: bool = False
    handler: str | None = None
    callers: tuple[str, ...] = ()
    lane: str | None = None
    compensate: "Node | None" = None
    compensates: bool = False
    """It undoes the step whose `compensate` it is."""
    cache_key: str | None = None
    cache_ttl: timedelta | None = None
    idempotency: str | None = None
    nested: "Steps | None" = None

    @property
    def composite(self) -> bool:
        return self.nested is not None

    def complete(self, rendered: Mapping[str, Any]) -> dict[str, Any]:
        """The rendered `with` together with the deferred fields, which are not part of what is recorded."""
        return {**rendered, **{name: self.with_[name] for name in self.kind.DEFERRED if name in self.with_}}


@dataclass(frozen=True, slots=True)
class Steps:
    """One list of steps. `dependents` says whose readiness may change when a step is done."""

    nodes: dict[str, Node]
    dependents: dict[str, tuple[str, ...]]

    @property
    def last(self) -> Node:
        return next(reversed(self.nodes.values()))


@dataclass(frozen=True, slots=True)
class Plan:
    """`definition` is the canonical JSON that it was made from, live edits included."""

    definition: dict[str, Any]
    workflow: WorkflowDefinition
    steps: Steps
    kinds: Kinds = field(repr=False)

    def find(self, path: str) -> Node | None:
        """The node of a step run, or None where the path names no scheduled step."""
        top = self.steps.nodes.get(path)
        if top is not None:
            return top
        steps: Steps | None = self.steps
        node: Node | None = None
        for part in path.split("."):
            if steps is not None:
                node = steps.nodes.get(part.partition("[")[0])
            elif node is not None:
                node = node.compensate if part == COMPENSATE else None
            steps = node.nested if node is not None and part.endswith("]") else None
        return None if path.endswith("]") else node

    def node(self, path: str) -> Node:
        node = self.find(path)
        if node is None:
            raise KeyError(path)
        return node

    def steps_at(self, frame: str) -> Steps:
        """The list of steps that a frame runs; the top frame is the empty string."""
        if not frame:
            return self.steps
        nested = self.node(frame.rpartition("[")[0]).nested
        assert nested is not None
        return nested


def compile_plan(definition: dict[str, Any], kinds: Kinds) -> Plan:
    """Takes a valid canonical definition (`needs` written out). Raises pydantic's ValidationError or KeyError for any other."""
    workflow = WorkflowDefinition.model_validate(definition)
    return Plan(definition, workflow, _steps(workflow.steps, workflow.defaults, kinds), kinds)


def _steps(definitions: Sequence[StepDefinition], defaults: Policies, kinds: Kinds) -> Steps:
    callers: dict[str, list[str]] = {}
    for step in definitions:
        handler = _on_error(step, defaults)
        if isinstance(handler, Handler):
            callers.setdefault(handler.step, []).append(step.id)
    nodes = {step.id: _node(step, defaults, kinds, tuple(callers.get(step.id, ()))) for step in definitions}
    return Steps(nodes, _dependents(nodes))


def _dependents(nodes: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
    """Those that need a step, and the handler of its failure. Behind a handler come also those that wait for its callers."""
    direct: dict[str, list[str]] = {step_id: [] for step_id in nodes}
    for node in nodes.values():
        for need in (*node.needs, *node.callers):
            direct[need].append(node.id)
    return {step_id: tuple(_waiting_for(node, nodes, direct)) for step_id, node in nodes.items()}


def _waiting_for(node: Node, nodes: Mapping[str, Node], direct: Mapping[str, list[str]]) -> dict[str, None]:
    """Handlers may have handlers in turn, so that an end can be what a whole chain of callers was waited for."""
    found = dict.fromkeys(direct[node.id])
    handled, frontier = {node.id}, deque(node.callers)
    while frontier:
        caller = frontier.popleft()
        if caller not in handled:
            handled.add(caller)
            found.update(dict.fromkeys(direct[caller]))
            frontier.extend(nodes[caller].callers)
    for step_id in handled:
        found.pop(step_id, None)
    return found


def _node(step: StepDefinition, defaults: Policies, kinds: Kinds, callers: tuple[str, ...]) -> Node:
    kind = kinds[step.kind]
    on_error = _on_error(step, defaults)
    nested = None
    if kind.NESTED is not None:
        inner = [StepDefinition.model_validate(item) for item in step.with_[kind.NESTED]]
        nested = _steps(inner, defaults, kinds)
    return Node(
        id=step.id,
        kind=kind,
        with_=step.with_,
        needs=() if callers else step.needs or (),
        join=step.join,
        when=step.when,
        timeout=step.timeout or defaults.timeout,
        retry=NO_RETRY if nested else step.retry or defaults.retry or NO_RETRY,
        continue_on_error=on_error == "continue",
        handler=on_error.step if isinstance(on_error, Handler) else None,
        callers=callers,
        lane=step.lane or defaults.lane,
        compensate=_compensation(step.compensate, defaults, kinds) if step.compensate else None,
        cache_key=step.cache_key,
        cache_ttl=step.cache_ttl,
        idempotency=step.idempotency,
        nested=nested,
    )


def _compensation(compensation: Compensation, defaults: Policies, kinds: Kinds) -> Node:
    return Node(
        id=COMPENSATE,
        compensates=True,
        kind=kinds[compensation.kind],
        with_=compensation.with_,
        timeout=compensation.timeout or defaults.timeout,
        retry=compensation.retry or defaults.retry or NO_RETRY,
    )


def _on_error(step: StepDefinition, defaults: Policies) -> Any:
    """A handler named in `defaults` does not handle itself."""
    if step.on_error is not None:
        return step.on_error
    default = defaults.on_error
    return None if isinstance(default, Handler) and default.step == step.id else default
