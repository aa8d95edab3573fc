"""Estimates, from the actual sizes of what it reads, how much an expression will do; so that none holds the process for long.

The library bounds iterations, not what one of them does: a few nested `cel.bind` of `a + a` make gigabytes, and a regular
expression with nested counts takes minutes on a long text. A unit is about a nanosecond. Items of a list count with their
average size, so what is linear in them comes out exact.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from engine.domain.expressions.failure import TOO_MUCH_WORK
from engine.domain.expressions.names import access
from engine.domain.expressions.syntax import Call, Collection, Comprehension, Literal, Member, Name, Node

MOST_WORK = 2_000_000_000
LARGEST = 64 * 1024 * 1024
"""Bytes of any value on the way."""
_ITERATIONS = 10_000
_PLAIN_ADDITIONS = 8
_CONSTANT_SIZE = frozenset({"size", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_&&_", "_||_", "!_"}) | frozenset(
    {"contains", "startsWith", "endsWith", "matches", "indexOf", "lastIndexOf", "int", "uint", "double", "bool", "type"}
)
_GROWING = frozenset({"replace", "join", "format", "matches", "split"})
_COUNTED = re.compile(r"\{(\d+)(?:,(\d*))?\}")


class TooMuchWork(Exception):
    def __init__(self) -> None:
        super().__init__(TOO_MUCH_WORK)


class Extent(NamedTuple):
    """`size` in bytes; `count` is how many items a list has at the most, and 0 for what is no list. `text` is known text."""

    size: float
    count: float = 0
    text: str | None = None


Reads = Mapping[tuple[str, tuple[str | int, ...]], Any]
"""The values of what an expression reads: variable and members -> value."""


def needs_estimate(tree: Node) -> bool:
    """Whether the work may be more than some passes over what is read. Most conditions need no estimate."""
    additions = 0
    pending: list[Node] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, Comprehension) or (isinstance(node, Call) and node.function in _GROWING):
            return True
        additions += isinstance(node, Call) and node.function == "_+_"
        pending += _parts(node)
    return additions > _PLAIN_ADDITIONS


def require_bounded(tree: Node, reads: Reads) -> None:
    """Raises TooMuchWork."""
    _Estimate(reads).of(tree, {})
