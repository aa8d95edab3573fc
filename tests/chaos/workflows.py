"""Workflows of mixed shapes, drawn from a seed. Every one of them comes to an end if it is answered and resumed."""

from random import Random
from typing import Any

JsonObject = dict[str, Any]

INNER = "inner"
"""The workflow that others start as a child."""
LANES = {"narrow": 1, "middle": 2}


_GRAPH: JsonObject = {
    "state": {"n": {"type": "integer"}},
    "entry": "count",
    "input": {"n": 0},
    "output": "${ state.n }",
    "nodes": {
        "count": {
            "kind": "function",
            "with": {"call": "chaos.count", "args": {"n": "${ state.n }"}},
            "update": {"n": "${ output }"},
        },
        "ask": {"kind": "approval", "with": {"prompt": "?"}, "update": {"n": "${ state.n }"}},
    },
    "edges": [
        {"from": "count", "to": "ask", "when": "${ state.n > 2 }"},
        {"from": "count", "to": "count"},
        {"from": "ask", "to": "END"},
    ],
}


def workflows(random: Random) -> list[JsonObject]:
    """Definitions of the workflows of one simulation; `INNER` is the first."""
    inner = {"name": INNER, "steps": _Steps(random, children=False).draw(3), "output": {"done": True}}
    shapes = [_random, _random, _narrow, _narrow, _keyed, _keyed, _frugal, _chain, _saga]
    return [inner, *(_limited(random, make(random, f"w{n}")) for n, make in enumerate(_some(random, shapes)))]


def _some(random: Random, shapes: list[Any]) -> list[Any]:
    return random.sample(shapes, random.randint(2, 4))


def _limited(random: Random, workflow: JsonObject) -> JsonObject:
    if random.random() < 0.15:
        workflow["timeout"] = random.choice(["30s", "1m"])
    if random.random() < 0.2:
        workflow.setdefault("lane", random.choice([*LANES, "free"]))
    return workflow


def _random(random: Random, name: str) -> JsonObject:
    return {"name": name, "steps": _Steps(random).draw(random.randint(1, 6))}


def _chain(random: Random, name: str) -> JsonObject:
    steps = [_work(random, f"s{n}", seconds=random.choice([0, 0.01, 1.0])) for n in range(random.randint(3, 8))]
    return {"name": name, "steps": steps, "output": "${ steps.s0.output }"}


def _narrow(random: Random, name: str) -> JsonObject:
    return {"name": name, "lane": "narrow", "steps": _Steps(random).draw(random.randint(1, 3))}


def _keyed(random: Random, name: str) -> JsonObject:
    on_limit = random.choice(["queue", "queue", "reject", "cancel_running"])
    concurrency = {"key": "${ input.key }", "limit": random.randint(1, 2), "on_limit": on_limit}
    return {"name": name, "concurrency": concurrency, "steps": _Steps(random).draw(random.randint(1, 3))}


def _frugal(random: Random, name: str) -> JsonObject:
    budget = random.choice(
        [{"max_model_calls": 2}, {"max_tokens": 40}, {"max_model_calls": 3, "max_tokens": 100}, {"max_cost_usd": 0.02}]
    )
    needs: JsonObject = {"needs": []} if random.random() < 0.5 else {}
    steps = [_model(random, f"m{n}", **needs) for n in range(random.randint(2, 4))]
    return {"name": name, "budget": budget, "steps": steps}


def _saga(random: Random, name: str) -> JsonObject:
    steps = [
        _work(random, f"s{n}", compensate={"kind": "function", "with": _call(value=-n)})
        for n in range(random.randint(2, 4))
    ]
    ending = random.choice(["fail", "approve"])
    if ending == "fail":
        steps.append({"id": "end", "kind": "fail", "with": {"message": "on purpose"}})
    else:
        steps.append({"id": "end", "kind": "approval", "with": {"prompt": "?", "timeout": "1m"}})
    return {"name": name, "steps": steps}


def _call(**args: Any) -> JsonObject:
    return {"call": "chaos.work", "args": args}


def _work(random: Random, step_id: str, *, seconds: float | None = None, **more: Any) -> JsonObject:
    """A function step. One that fails is tried often enough to succeed, mostly."""
    if seconds is None:
        seconds = random.choice([0, 0, 0.01, 0.5, 3.0, 12.0])
    args: JsonObject = {"value": step_id, "seconds": seconds}
    step: JsonObject = {"id": step_id, "kind": "function", **more}
    if random.random() < 0.25:
        args["failures"] = random.randint(1, 2)
        initial = random.choice(["10ms", "1s", "20s"])
        step["retry"] = {"max_attempts": random.choice([2, 3, 3]), "initial": initial}
    if random.random() < 0.15:
        step["lane"] = args["lane"] = random.choice(list(LANES))
    if random.random() < 0.05:
        args["size"] = random.choice([20_000, 300_000, 1_500_000])
    if random.random() < 0.1:
        step["cache_key"] = "${ input.key }"
    if random.random() < 0.1:
        step["timeout"] = random.choice(["2s", "30s"])
    return {**step, "with": _call(**args)}


def _model(random: Random, step_id: str, **more: Any) -> JsonObject:
    prompt = random.choice(["hello", "hello", "unlucky"])
    given = {"model": "scripted:short", "prompt": prompt, "max_tokens": 5}
    retry = {"max_attempts": 3, "initial": "1s"}
    return {"id": step_id, "kind": "llm", "with": given, "retry": retry, **more}


class _Steps:
    """Lists of steps of every kind, joined in every way."""

    def __init__(self, random: Random, *, children: bool = True, depth: int = 0) -> None:
        self._random = random
        self._children = children
        self._depth = depth

    def draw(self, count: int) -> list[JsonObject]:
        steps: list[JsonObject] = []
        for n in range(count):
            steps.append(self._joined(self._step(f"s{n}"), [each["id"] for each in steps]))
        if count > 1 and self._random.random() < 0.2:
            steps.append({**_work(self._random, "handler"), "on_error": "continue"})
            self._random.choice(steps[:-1])["on_error"] = {"step": "handler"}
        return steps

    def _joined(self, step: JsonObject, earlier: list[str]) -> JsonObject:
        random = self._random
        if random.random() < 0.6:
            step["needs"] = random.sample(earlier, random.randint(0, min(3, len(earlier))))
            step["join"] = random.choice(["all", "any", "always"])
        if random.random() < 0.1:
            step["when"] = random.choice(["${ input.flag }", "${ !input.flag }"])
        if random.random() < 0.3:
            step["on_error"] = "continue"
        if random.random() < 0.1:
            step["compensate"] = {"kind": "function", "with": _call(value="undo")}
        return step

    def _step(self, step_id: str) -> JsonObject:
        random = self._random
        kinds = ["work"] * 6 + [
            "transform",
            "sleep",
            "approval",
            "signal",
            "ask",
            "model",
            "fail",
            "map",
            "loop",
            "child",
            "emit",
        ]
        kind = random.choice(kinds)
        if kind == "child" and self._children:
            given = {"workflow": INNER, "input": {"key": "k", "flag": True}}
            if random.random() < 0.3:
                given |= {"mode": "detach", "on_parent_close": random.choice(["cancel", "abandon"])}
            return {"id": step_id, "kind": "child", "with": given}
        if kind in ("map", "loop") and self._depth < 1:
            return self._nested(step_id, kind)
        return self._plain(step_id, kind)

    def _nested(self, step_id: str, kind: str) -> JsonObject:
        random = self._random
        steps = _Steps(random, children=False, depth=self._depth + 1).draw(random.randint(1, 2))
        if kind == "loop":
            return {"id": step_id, "kind": "loop", "with": {"steps": steps, "max_rounds": random.randint(1, 3)}}
        given = {
            "items": list(range(random.randint(0, 4))),
            "concurrency": random.randint(1, 3),
            "on_item_error": random.choice(["fail", "continue"]),
            "steps": steps,
        }
        return {"id": step_id, "kind": "map", "with": given}

    def _plain(self, step_id: str, kind: str) -> JsonObject:
        random = self._random
        timeout = {"timeout": random.choice(["10s", "1m"]), "on_timeout": random.choice(["fail", "continue"])}
        patience = timeout if random.random() < 0.4 else {}
        given: dict[str, tuple[str, JsonObject]] = {
            "transform": ("transform", {"value": "${ input.key }"}),
            "sleep": ("sleep", {"for": random.choice(["0s", "1s", "15s", "40s"])}),
            "approval": ("approval", {"prompt": "?", **patience}),
            "signal": ("signal", {"name": random.choice(["go", "stop"]), **patience}),
            "ask": ("function", {"call": "chaos.ask", "args": {"value": step_id}}),
            "emit": ("emit", {"type": "chaos.happened", "data": "${ input.key }"}),
            "fail": ("fail", {"message": "on purpose"}),
            "agent": ("agent", {"model": "scripted:tools", "prompt": "add", "tools": ["chaos.count"]}),
            "graph": ("graph", _GRAPH),
        }
        if kind in given:
            name, with_ = given[kind]
            return {"id": step_id, "kind": name, "with": with_}
        return _model(random, step_id) if kind == "model" else _work(random, step_id)
