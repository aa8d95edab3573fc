"""Workflows of mixed shapes, each with how it must end, whatever happens to the workers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]

NARROW, TOOLS = "narrow", "tools"
LIMITS = {NARROW: 2, TOOLS: 2}
"""Of executions in the one lane, of steps in the other."""
GATE = "gate"
"""A file that is there from the start: nothing waits for it."""
INNER = "inner"
SIGNAL = "go"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """`output` gives the expected output for the input `n`."""

    name: str
    steps: list[JsonObject]
    output: Callable[[int], Any] = lambda _: None
    gives: Any = None
    """The template of the output."""
    status: str = "SUCCEEDED"
    waits_for: str | None = None
    more: JsonObject = field(default_factory=dict)

    @property
    def definition(self) -> JsonObject:
        gives = {} if self.gives is None else {"output": self.gives}
        return {"name": self.name, "steps": self.steps, **gives, **self.more}


def _work(step_id: str, value: Any = "${ input.n }", *, size: int = 0, failures: int = 0, **more: Any) -> JsonObject:
    args = {"value": value, "seconds": "${ input.seconds }", "size": size, "failures": failures}
    return {"id": step_id, "kind": "function", "with": {"call": "real.work", "args": args}, **more}


def _undo(step_id: str) -> JsonObject:
    undoing = {"kind": "function", "with": {"call": "real.work", "args": {"value": "undone"}}}
    return _work(step_id, compensate=undoing)


_NESTED = _work("each", "${ item * 10 }")
_ROUND = {"id": "each", "kind": "function", "with": {"call": "real.work", "args": {"value": "${ loop.index }"}}}

INNER_SHAPE = Shape(name=INNER, steps=[_work("a"), _work("b")], gives="${ steps.b.output + 1 }", output=lambda n: n + 1)
"""The workflow that others start as a child."""

SHAPES = (
    Shape(
        name="chain", steps=[_work(f"s{n}") for n in range(5)], gives="${ steps.s4.output + 4 }", output=lambda n: n + 4
    ),
    Shape(
        name="diamond",
        steps=[
            _work("top"),
            _work("quick", needs=["top"]),
            {"id": "pause", "kind": "sleep", "needs": ["top"], "with": {"for": "300ms"}},
            _work("slow", needs=["pause"]),
            _work("any", "${ input.n + 1 }", needs=["quick", "slow"], join="any"),
            _work("all", "${ input.n + 2 }", needs=["quick", "slow"]),
        ],
        gives=["${ steps.any.output }", "${ steps.all.output }"],
        output=lambda n: [n + 1, n + 2],
    ),
    Shape(
        name="map",
        steps=[{"id": "m", "kind": "map", "with": {"items": list(range(6)), "concurrency": 3, "steps": [_NESTED]}}],
        gives="${ steps.m.output }",
        output=lambda _: [0, 10, 20, 30, 40, 50],
    ),
    Shape(
        name="loop",
        steps=[{"id": "l", "kind": "loop", "with": {"max_rounds": 4, "steps": [_ROUND]}}],
        gives="${ steps.l.output }",
        output=lambda _: 3,
    ),
    Shape(
        name="child",
        steps=[
            _work("before"),
            {"id": "c", "kind": "child", "with": {"workflow": INNER, "input": "${ input }"}},
            _work("after", "${ steps.c.output + 1 }"),
        ],
        gives="${ steps.after.output }",
        output=lambda n: n + 2,
    ),
    Shape(
        name="signal",
        steps=[_work("before"), {"id": "s", "kind": "signal", "with": {"name": SIGNAL}}, _work("after")],
        gives="${ steps.s.output.n }",
        output=lambda n: n,
        waits_for="signal",
    ),
    Shape(
        name="approval",
        steps=[{"id": "p", "kind": "approval", "with": {"prompt": "Go on?"}}, _work("after")],
        gives="${ steps.p.output.approved }",
        output=lambda _: True,
        waits_for="approval",
    ),
    Shape(
        name="sleep", steps=[_work("before"), {"id": "z", "kind": "sleep", "with": {"for": "1500ms"}}, _work("after")]
    ),
    Shape(
        name="retries",
        steps=[_work("stubborn", failures=2, retry={"max_attempts": 3, "initial": "100ms"}), _work("after")],
        gives="${ steps.stubborn.attempt }",
        output=lambda _: 3,
    ),
    Shape(
        name="on-error",
        steps=[
            _work("broken", needs=[], failures=99, on_error={"step": "repair"}),
            _work("ignored", needs=[], failures=99, on_error="continue"),
            _work("repair", "repaired"),
            _work("after", "${ steps.repair.output }", needs=["ignored", "repair"]),
        ],
        gives="${ steps.after.output }",
        output=lambda _: "repaired",
    ),
    Shape(
        name="saga",
        steps=[_undo("a"), _undo("b"), _undo("c"), {"id": "end", "kind": "fail", "with": {"message": "on purpose"}}],
        status="FAILED",
    ),
    Shape(name="narrow", steps=[_work("a"), _work("b")], more={"lane": NARROW}),
    Shape(name="tools", steps=[_work("a", needs=[], lane=TOOLS), _work("b", needs=[], lane=TOOLS)]),
    Shape(
        name="keyed",
        steps=[_work("a"), _work("b")],
        more={"concurrency": {"key": "${ input.key }", "limit": 1, "on_limit": "queue"}},
    ),
    Shape(
        name="large",
        steps=[_work("a", size=60_000), _work("b", "${ size(steps.a.output) }")],
        gives="${ steps.b.output }",
        output=lambda _: 60_000,
    ),
    Shape(
        name="graph",
        steps=[
            {
                "id": "g",
                "kind": "graph",
                "with": {"graph": "real.graph", "input": {"execution": "${ execution.id }", "gate": GATE}},
            },
            _work("after", "${ size(steps.g.output.seen) }"),
        ],
        gives="${ steps.after.output }",
        output=lambda _: 3,
    ),
)
