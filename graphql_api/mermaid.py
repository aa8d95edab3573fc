"""A definition drawn as a Mermaid flowchart."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.domain.status import StepStatus

Step = Mapping[str, Any]

_SHAPES = {
    "decide": ('{"', '"}'),
    "approval": ('{{"', '"}}'),
    "signal": ('>"', '"]'),
    "sleep": ('(["', '"])'),
    "child": ('[["', '"]]'),
}
_BOX = ('["', '"]')
_COLOURS = {
    StepStatus.RUNNING: "fill:#dbeafe,stroke:#2563eb",
    StepStatus.WAITING: "fill:#fef3c7,stroke:#d97706",
    StepStatus.RETRYING: "fill:#ffedd5,stroke:#ea580c",
    StepStatus.SUCCEEDED: "fill:#dcfce7,stroke:#16a34a",
    StepStatus.FAILED: "fill:#fee2e2,stroke:#dc2626",
    StepStatus.SKIPPED: "fill:#f3f4f6,stroke:#9ca3af,stroke-dasharray:4",
    StepStatus.CANCELLED: "fill:#f3f4f6,stroke:#6b7280",
    StepStatus.COMPENSATED: "fill:#ede9fe,stroke:#7c3aed",
}
# Mermaid reads some of these as syntax and hands the rest to the browser as HTML.
_UNSAFE = re.compile(r"[^\w .,:;!?()/+=*@-]")


def flowchart(definition: Mapping[str, Any], statuses: Mapping[str, StepStatus] | None = None) -> str:
    """Steps as nodes, `needs` as arrows (dashed where `when` guards the step, dotted to an error handler), nested lists
    of steps as boxes. With `statuses`, by id of a top-level step, steps are coloured.
    """
    lines = ["flowchart TD", *_steps(definition["steps"], "", "  ")]
    lines += _colours(statuses or {})
    return "\n".join(lines) + "\n"


def _steps(steps: Sequence[Step], prefix: str, indent: str) -> Iterator[str]:
    for step in steps:
        yield from _node(step, prefix, indent)
    above: list[str] = []
    for step in steps:
        needs = step.get("needs")
        arrow = "-.->" if step.get("when") is not None else "-->"
        for needed in above if needs is None else needs:
            yield f"{indent}{_name(prefix, needed)} {arrow} {_name(prefix, step['id'])}"
        handler = step.get("on_error")
        if isinstance(handler, Mapping):
            yield f"{indent}{_name(prefix, step['id'])} -. on error .-> {_name(prefix, handler['step'])}"
        above = [step["id"]]


def _node(step: Step, prefix: str, indent: str) -> Iterator[str]:
    name = _name(prefix, step["id"])
    label = _text(f"{step.get('title') or step['id']} ({step['kind']})")
    nested = (step.get("with") or {}).get("steps")
    if isinstance(nested, list) and nested:
        yield f'{indent}subgraph {name}["{label}"]'
        yield from _steps(nested, f"{prefix}{step['id']}__", indent + "  ")
        yield f"{indent}end"
    else:
        opening, closing = _SHAPES.get(step["kind"], _BOX)
        yield f"{indent}{name}{opening}{label}{closing}"


def _colours(statuses: Mapping[str, StepStatus]) -> Iterator[str]:
    for status, colours in _COLOURS.items():
        names = [_name("", step_id) for step_id, its in statuses.items() if its is status]
        if names:
            yield f"  classDef {status.value.lower()} {colours}"
            yield f"  class {','.join(names)} {status.value.lower()}"


def _name(prefix: str, step_id: str) -> str:
    """Prefixed, since a node called `end` breaks Mermaid's parser."""
    return f"s_{prefix}{step_id}"


def _text(label: str) -> str:
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", label)
