"""Hypothesis strategies: lists of steps of every kind, joined in every way."""

from typing import Any

from hypothesis import strategies as st

from tests.domain.driven_execution import JsonObject, loop, over, step

IDS = "abcdef"
WAITING_KINDS: tuple[tuple[str, JsonObject], ...] = (
    ("sleep", {"for": "5s"}),
    ("sleep", {"for": "0s"}),
    ("approval", {"prompt": "?", "timeout": "30s", "on_timeout": "continue"}),
    ("approval", {"prompt": "?", "timeout": "30s"}),
    ("approval", {"prompt": "?", "schema": {"type": "integer"}}),
    ("signal", {"name": "go"}),
    ("signal", {"name": "go", "schema": {"type": "integer"}, "timeout": "40s"}),
)


@st.composite
def steps(draw: st.DrawFn, depth: int = 0) -> list[JsonObject]:
    """A valid list of steps; where it has a handler, that is the last one."""
    ids = IDS[: draw(st.integers(1, 4 if depth else 6))]
    found = [draw(_steps(step_id, ids[:place], depth)) for place, step_id in enumerate(ids)]
    if draw(st.booleans()):
        for each in found:
            if draw(st.integers(0, 3)) == 0:
                each["on_error"] = {"step": "h"}
        found.append(step("h", when=draw(st.sampled_from([None, True, False])), on_error=draw(_tolerance)))
    return found


_tolerance = st.sampled_from([None, None, "continue", "fail"])
_retries = st.sampled_from([None, None, {"max_attempts": 2}, {"max_attempts": 3, "non_retryable": ["final"]}])
_undoing: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        None,
        {"kind": "task"},
        {"kind": "transform", "with": {"value": 1}},
        {"kind": "sleep", "with": {"for": "1s"}},
    ]
)


@st.composite
def _steps(draw: st.DrawFn, step_id: str, earlier: str, depth: int) -> JsonObject:
    needs = draw(st.lists(st.sampled_from(list(earlier)), unique=True, max_size=3)) if earlier else []
    conditions = [None, None, None, True, False, "${ input.flag }", "${ input.nothing }"]
    conditions += [f"${{ steps.{need}.status == 'SUCCEEDED' }}" for need in needs]
    members = {
        "needs": needs,
        "join": draw(st.sampled_from(["all", "all", "any", "always"])),
        "when": draw(st.sampled_from(conditions)),
        "on_error": draw(_tolerance),
        "compensate": draw(_undoing),
        "timeout": draw(st.sampled_from([None, None, "20s"])),
        "retry": draw(_retries),
    }
    given = {name: value for name, value in members.items() if value is not None}
    kind = draw(st.sampled_from(["task", "task", "task", "transform", "fail", "wait", "wait", "map", "loop"]))
    if kind == "map" and depth < 2:
        items = draw(st.lists(st.integers(0, 9), max_size=3))
        settings = {
            "concurrency": draw(st.integers(1, 3)),
            "on_item_error": draw(st.sampled_from(["fail", "continue"])),
            **draw(st.sampled_from([{}, {"output": "${ item }"}, {"output": "${ item / 0 }"}])),
        }
        return over(step_id, items, *draw(steps(depth + 1)), **settings, **given)
    if kind == "loop" and depth < 2:
        until = draw(st.sampled_from([{}, {"until": "${ loop.index == 1 }"}, {"until": "${ input.nothing }"}]))
        return loop(step_id, *draw(steps(depth + 1)), max_rounds=draw(st.integers(1, 3)), **until, **given)
    if kind == "wait":
        return step(step_id, *draw(st.sampled_from(WAITING_KINDS)), **given)
    if kind == "transform":
        return step(step_id, "transform", {"value": draw(st.sampled_from([1, "${ input.nothing }"]))}, **given)
    if kind == "fail":
        return step(step_id, "fail", {"message": "on purpose"}, **given)
    return step(step_id, "task", {"seen": [f"${{ steps.{need}.output }}" for need in needs]}, **given)
