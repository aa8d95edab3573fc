"""Estimates, from the actual sizes of what it reads, how much an expression will do; so that none holds the process for long.

The library bounds iterations, not what one of them does: a few nested `cel.bind` of `a + a` make gigabytes, and a regular
expression with nested counts takes minutes on a long text. A unit is about a nanosecond. Items of a list count with their
average size, so that whatever is linear in them comes out right.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from engine.domain.expressions.failure import TOO_MUCH_WORK
from engine.domain.expressions.names import Read, children, read_by
from engine.domain.expressions.syntax import Call, Collection, Comprehension, Literal, Member, Name, Node

MOST_WORK = 2_000_000_000
LARGEST = 64 * 1024 * 1024
"""Bytes of any value on the way."""
_ITERATIONS = 10_000
_PLAIN_PARTS = 8
"""Additions, and members of lists and objects: each may be a copy of what is read."""
_EACH = 100
"""What any operation takes, whatever its operands."""
_GROWING = frozenset({"replace", "join", "format", "matches", "split"})
_SMALL_RESULTS = frozenset(
    {"size", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_&&_", "_||_", "!_", "contains", "startsWith"}
    | {"endsWith", "matches", "indexOf", "lastIndexOf", "int", "uint", "double", "bool", "type", "_-_", "_*_", "_/_"}
)
_REPEATED = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_FORMATTED_NUMBER = 1_000
"""The most characters that a clause such as `%.999f` gives."""


class TooMuchWork(Exception):
    def __init__(self) -> None:
        super().__init__(TOO_MUCH_WORK)


class Extent(NamedTuple):
    """`size` in bytes; `items` if it is a list or an object; `text` where it is known."""

    size: float
    items: float = 0
    text: str | None = None


def needs_estimate(tree: Node) -> bool:
    """Whether the work may be more than some passes over what is read. Most conditions need no estimate."""
    parts = 0
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, Comprehension) or (isinstance(node, Call) and node.function in _GROWING):
            return True
        parts += isinstance(node, Call) and node.function == "_+_"
        parts += len(node.items) if isinstance(node, Collection) else 0
        pending += [child for child, _ in children(node, frozenset())]
    return parts > _PLAIN_PARTS


def require_bounded(tree: Node, values: Mapping[Read, Any]) -> None:
    """`values` are those of what the expression reads. Raises TooMuchWork."""
    _Estimate({read: extent_of(value) for read, value in values.items()}).extent(tree, {})


def extent_of(value: Any) -> Extent:
    if isinstance(value, str):
        return Extent(len(value), 0, value)
    if isinstance(value, list | dict):
        return Extent(len(msgspec.json.encode(value)), len(value))
    return Extent(8)


class _Estimate:
    def __init__(self, reads: Mapping[Read, Extent]) -> None:
        self._reads = reads
        self._work = 0.0
        self._times = 1.0

    def extent(self, node: Node, bound: Mapping[str, Extent]) -> Extent:
        """Of the value that a node gives; what it takes is added to the work."""
        found = self._extent(node, bound)
        if found.size > LARGEST or self._work > MOST_WORK:
            raise TooMuchWork
        return found

    def _extent(self, node: Node, bound: Mapping[str, Extent]) -> Extent:  # noqa: PLR0911 - one for each kind of node
        read = read_by(node, bound)
        if read is not None:
            return self._reads.get(read, Extent(0))
        match node:
            case Literal(value=str() as text):
                return Extent(len(text), 0, text)
            case Name(name=name) if name in bound:
                return bound[name]
            case Member(operand=operand):
                return self._part_of(self.extent(operand, bound))
            case Collection(items=parts):
                sizes = [self.extent(part, bound).size for part in parts]
                return Extent(sum(sizes), len(sizes))
            case Call():
                return self._call(node, bound)
            case Comprehension():
                return self._comprehension(node, bound)
        return Extent(8)

    def _part_of(self, whole: Extent) -> Extent:
        """Some member: it may be as large as the whole, and be a list."""
        return Extent(whole.size, whole.size / 2)

    def _call(self, call: Call, bound: Mapping[str, Extent]) -> Extent:  # noqa: PLR0911 - one for each growth
        target = (self.extent(call.target, bound),) if call.target is not None else ()
        operands = (*target, *(self.extent(argument, bound) for argument in call.arguments))
        total = sum(operand.size for operand in operands)
        self._spend(total * _weight(call.function, operands))
        most = max((operand.items for operand in operands), default=0)
        match call.function:
            case name if name in _SMALL_RESULTS:
                return Extent(8)
            case "_[_]" | "_[?_]" | "_?._":
                return self._part_of(operands[0])
            case "_?_:_":
                return Extent(max(operands[1].size, operands[2].size), most)
            case "_+_":
                return Extent(total, sum(operand.items for operand in operands))
            case "replace":
                return Extent(_replaced(operands))
            case "join":
                separator = operands[1].size if len(operands) > 1 else 0
                return Extent(operands[0].size + operands[0].items * separator)
            case "split":
                return Extent(total, operands[0].size + 1)
            case "format":
                return Extent(total + _FORMATTED_NUMBER * (operands[0].text or "%" * 1_000).count("%"))
        return Extent(total, most)

    def _comprehension(self, node: Comprehension, bound: Mapping[str, Extent]) -> Extent:
        over = self.extent(node.over, bound)
        initial = self.extent(node.initial, bound)
        rounds = min(over.items, _ITERATIONS)
        item = over.size / max(over.items, 1)
        inside = {**bound, **dict.fromkeys(node.variables, Extent(item, item / 2)), node.accumulator: initial}
        outside, self._times = self._times, self._times * max(rounds, 1)
        self.extent(node.condition, inside)
        step = self.extent(node.step, inside)
        self._times = outside
        grown = Extent(initial.size + rounds * step.size, initial.items + rounds * step.items)
        return self.extent(node.result, {**bound, node.accumulator: grown if rounds else initial})

    def _spend(self, work: float) -> None:
        self._work += (work + _EACH) * self._times
        if self._work > MOST_WORK:
            raise TooMuchWork


def _weight(function: str, operands: tuple[Extent, ...]) -> float:
    """Units for each byte. A regular expression with counts is unrolled, and may be followed in as many states."""
    if function != "matches":
        return 1
    pattern = operands[-1]
    weight = max(pattern.size, 1.0)
    for least, most in _REPEATED.findall(pattern.text or "{100}"):
        weight *= max(int(most or least), 1)
    return weight


def _replaced(operands: tuple[Extent, ...]) -> float:
    """Exact where the texts are known, as in a template; else as if every character were replaced."""
    target, old, new = operands[:3]
    times = target.size + 1
    if target.text is not None and old.text is not None:
        times = target.text.count(old.text)
    elif old.size:
        times = target.size / old.size
    return target.size + times * new.size
