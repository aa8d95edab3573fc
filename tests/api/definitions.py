"""Small workflows that tests start."""

from typing import Any


def sums(name: str = "sums") -> dict[str, Any]:
    """Ends at once: adds one to the number it is given."""
    return {
        "name": name,
        "input": {
            "type": "object",
            "required": ["n"],
            "properties": {"n": {"type": "integer"}, "unit": {"type": "string", "default": "kg"}},
        },
        "output": "${ steps.add.output }",
        "steps": [{"id": "add", "kind": "transform", "with": {"value": "${ input.n + 1 }"}}],
    }


def asks(name: str = "asks") -> dict[str, Any]:
    """Waits for an approval between two steps."""
    return {
        "name": name,
        "output": "${ steps.after.output }",
        "steps": [
            {"id": "before", "kind": "transform", "with": {"value": "ready"}},
            {
                "id": "approve",
                "kind": "approval",
                "with": {
                    "prompt": "Go on?",
                    "schema": {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}},
                    "assignees": ["leads"],
                },
            },
            {"id": "after", "kind": "transform", "with": {"value": "${ steps.approve.output.ok }"}},
        ],
    }


def fails(name: str = "fails") -> dict[str, Any]:
    """Fails in its second step."""
    return {
        "name": name,
        "steps": [
            {"id": "first", "kind": "transform", "with": {"value": 1}},
            {"id": "second", "kind": "fail", "with": {"code": "no_luck", "message": "It was not to be"}},
        ],
    }
