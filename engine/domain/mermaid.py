"""Draws the steps of a definition as a Mermaid flowchart."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.domain.needs import handler_of, needs_of

_CLASSES = {
    "PENDING": "fill:#f4f4f5,stroke:#a1a1aa,color:#3f3f46",
    "RUNNING": "fill:#dbeafe,stroke:#2563eb,color:#1e3a8a",
    "WAITING": "fill:#fef3c7,stroke:#d97706,color:#78350f",
    "RETRYING": "fill:#ffedd5,stroke:#ea580c,color:#7c2d12",
    "SUCCEEDED": "fill:#dcfce7,stroke:#16a34a,color:#14532d",
    "FAILED": "fill:#fee2e2,stroke:#dc2626,color:#7f1d1d",
    "SKIPPED": "fill:#fafafa,stroke:#d4d4d8,color:#a1a1aa,stroke-dasharray:4",
    "CANCELLED": "fill:#e4e4e7,stroke:#71717a,color:#27272a",
    "COMPENSATED": "fill:#f3e8ff,stroke:#9333ea,color:#581c87",
}
_UNSAFE = re.compile(r"[^\w .,:/+-]")
_LONGEST = 80


def mermaid(
    steps: Sequence[Mapping[str, Any]], statuses: Mapping[str, str] | None = None, *, defaults: Any = None
) -> str:
    """A flowchart of the steps, nested lists as subgraphs, the ways to handlers dashed. `statuses` maps step ids to their
    status; nested ones by the ids on the way, as `map.step`. Takes definitions with or without implicit `needs`.
    """
    drawn = dict(_listed(steps, ""))
    lines = ["flowchart TD", *_list_lines(steps, "", "  ", defaults)]
    used = {
        status: [node for path, node in drawn.items() if (statuses or {}).get(path) == status] for status in _CLASSES
    }
    for status, nodes in used.items():
        if nodes:
            lines.append(f"  classDef {status} {_CLASSES[status]}")
            lines.append(f"  class {','.join(nodes)} {status}")
    return "\n".join(lines) + "\n"


def _listed(steps: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[tuple[str, str]]:
    for step in steps:
        path = f"{prefix}{step['id']}"
        yield path, _node(path)
        yield from _listed(_nested(step), f"{path}.")


def _list_lines(steps: Sequence[Mapping[str, Any]], prefix: str, indent: str, defaults: Any) -> Iterator[str]:
    for step in steps:
        yield from _step_lines(step, f"{prefix}{step['id']}", indent, defaults)
    ids = {step["id"] for step in steps}
    for step, needs in zip(steps, needs_of(steps, defaults), strict=True):
        target = _node(f"{prefix}{step['id']}")
        label = '|"when"|' if step.get("when") is not None else ""
        for need in needs:
            if need in ids:
                yield f"{indent}{_node(prefix + need)} -->{label} {target}"
        handler = handler_of(step, defaults)
        if handler in ids:
            yield f'{indent}{target} -.->|"on error"| {_node(f"{prefix}{handler}")}'


def _step_lines(step: Mapping[str, Any], path: str, indent: str, defaults: Any) -> Iterator[str]:
    label = f"{_escaped(step.get('title') or step['id'])}<br/><small>{_escaped(step['kind'])}</small>"
    nested = _nested(step)
    if nested:
        yield f'{indent}subgraph {_node(path)}["{label}"]'
        yield from _list_lines(nested, f"{path}.", f"{indent}  ", defaults)
        yield f"{indent}end"
    elif step["kind"] in ("approval", "signal"):
        yield f'{indent}{_node(path)}(["{label}"])'
    elif step["kind"] == "decide":
        yield f'{indent}{_node(path)}{{"{label}"}}'
    else:
        yield f'{indent}{_node(path)}["{label}"]'


def _nested(step: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The steps inside a map, a loop, or another kind that holds `steps`."""
    inner = step.get("with", {}).get("steps")
    return (
        inner if isinstance(inner, list) and all(isinstance(item, Mapping) and "id" in item for item in inner) else ()
    )


def _node(path: str) -> str:
    """Step ids may be words of Mermaid such as `end`; no word of it begins like this. Paths stay apart: `a.b` is not `a_b`."""
    return "s_" + path.replace("_", "__").replace(".", "_0")


def _escaped(text: str) -> str:
    """Entity codes for all that Mermaid, or the HTML it makes, could take for markup."""
    short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return _UNSAFE.sub(lambda match: f"#{ord(match.group())};", short)
