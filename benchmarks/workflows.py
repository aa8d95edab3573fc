"""The workflows that are measured, and the function that their steps call. A module of `WEFT_MODULES`."""

import time
from typing import Any

from weft import function

INCREMENT = "benchmarks.increment"
NOW = "benchmarks.now"
GO = "go"
MODULE = "benchmarks.workflows"


@function(name=INCREMENT)
async def increment(n: int) -> int:
    return n + 1


@function(name=NOW)
async def now() -> int:
    """Nanoseconds on the clock that all processes of a machine share."""
    return time.perf_counter_ns()


def chain(steps: int) -> dict[str, Any]:
    """Named `chain-<steps>`: each step adds one to what the step before it gave, the first to `input.n`."""
    before = ["${ input.n }", *(f"${{ steps.s{index}.output }}" for index in range(steps - 1))]
    return {
        "name": f"chain-{steps}",
        "input": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
        "output": f"${{ steps.s{steps - 1}.output }}",
        "steps": [
            {"id": f"s{index}", "kind": "function", "with": {"call": INCREMENT, "args": {"n": value}}}
            for index, value in enumerate(before)
        ],
    }


def wide_map(items: int) -> dict[str, Any]:
    """Named `map-<items>`: adds one to every item, 50 at a time."""
    return {
        "name": f"map-{items}",
        "output": "${ steps.each.output }",
        "steps": [
            {
                "id": "each",
                "kind": "map",
                "with": {
                    "items": "${ input.items }",
                    "concurrency": 50,
                    "steps": [
                        {"id": "inner", "kind": "function", "with": {"call": INCREMENT, "args": {"n": "${ item }"}}}
                    ],
                },
            }
        ],
    }


def moment() -> dict[str, Any]:
    """Named `moment`: its output is when its only step began."""
    step = {"id": "s0", "kind": "function", "with": {"call": NOW}}
    return {"name": "moment", "output": "${ steps.s0.output }", "steps": [step]}


def timed(steps: int) -> dict[str, Any]:
    """Named `timed-<steps>`: waits for the signal `go`, so that whoever wants to watch can get ready; then each step gives the moment
    of its end.
    """
    return {
        "name": f"timed-{steps}",
        "steps": [
            {"id": "ready", "kind": "signal", "with": {"name": GO}},
            *({"id": f"s{index}", "kind": "function", "with": {"call": NOW}} for index in range(steps)),
        ],
    }
