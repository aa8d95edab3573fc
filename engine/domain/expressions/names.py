"""What an expression reads: which variables, and which members of them."""

from collections.abc import Container, Iterator

import msgspec

from engine.domain.expressions.chain import Chain
from engine.domain.expressions.syntax import Call, Collection, Comprehension, Literal, Member, Name, Node
from engine.domain.expressions.tokens import LOOP, NOW

BY_NAME = ("steps", "secrets")
"""Their entries are looked up one by one, so an expression must name them."""
_NAMESPACES = frozenset({"base64", "math", "optional", "strings"})
_TYPES = frozenset(
    {"bool", "bytes", "double", "google", "int", "list", "map", "null_type", "optional_type", "string", "type", "uint"}
)

Read = tuple[str, tuple[str | int, ...]]
"""A variable, and the members on the way to what is read as far as they are written out: `input.a[0]`."""


class Names(msgspec.Struct, frozen=True):
    """`steps` and `secrets` are the entries that are named, as `steps.x` or `steps["x"]`; `unnamed` those of the two
    variables that are also used in another way.
    """

    reads: frozenset[Read] = frozenset()
    roots: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    unnamed: frozenset[str] = frozenset()


def names_in(tree: Node) -> Names:
    return _names(frozenset(_reads(tree, frozenset())))


def names_in_chain(chain: Chain) -> Names:
    return _names(frozenset({(chain.root, chain.keys)}))


def read_by(node: Node, bound: Container[str]) -> Read | None:
    """What a node reads, if it is a variable or a member of one; `bound` are the names that a macro gave."""
    keys: list[str | int] = []
    while not isinstance(node, Name):
        operand, key = _access(node)
        if operand is None or key is None:
            return None
        keys.append(key)
        node = operand
    if node.name in bound or node.name in _TYPES:
        return None
    return _written(node.name), tuple(reversed(keys))


def children(node: Node, bound: frozenset[str]) -> Iterator[tuple[Node, frozenset[str]]]:
    """The parts of a node, each with the names that are bound there."""
    if isinstance(node, Member):
        yield node.operand, bound
    elif isinstance(node, Call):
        if node.target is not None and not _is_namespace(node.target):
            yield node.target, bound
        yield from ((argument, bound) for argument in node.arguments)
    elif isinstance(node, Collection):
        yield from ((item, bound) for item in node.items)
    elif isinstance(node, Comprehension):
        accumulated = bound | {node.accumulator}
        inside = accumulated.union(node.variables)
        yield from ((node.over, bound), (node.initial, bound), (node.result, accumulated))
        yield from ((node.condition, inside), (node.step, inside))


def _reads(node: Node, bound: frozenset[str]) -> Iterator[Read]:
    read = read_by(node, bound)
    if read is not None:
        yield read
        return
    for child, inner in children(node, bound):
        yield from _reads(child, inner)


def _access(node: Node) -> tuple[Node | None, str | int | None]:
    if isinstance(node, Member):
        return node.operand, node.field
    if isinstance(node, Call) and node.function in ("_[_]", "_[?_]", "_?._"):
        operand, key = node.arguments
        if isinstance(key, Literal) and isinstance(key.value, str | int) and not isinstance(key.value, bool):
            return operand, key.value
    return None, None


def _names(reads: frozenset[Read]) -> Names:
    entries = {(root, keys[0]) for root, keys in reads if root in BY_NAME and keys and isinstance(keys[0], str)}
    return Names(
        reads=reads,
        roots=frozenset(root for root, _ in reads),
        steps=frozenset(str(entry) for root, entry in entries if root == "steps"),
        secrets=frozenset(str(entry) for root, entry in entries if root == "secrets"),
        unnamed=frozenset(root for root, keys in reads if root in BY_NAME and not (keys and isinstance(keys[0], str))),
    )


def _written(name: str) -> str:
    """The name as people write it. A leading dot is CEL's way to the outermost variable."""
    plain = name.lstrip(".")
    return {LOOP: "loop", NOW: "now()"}.get(plain, plain)


def _is_namespace(target: Node) -> bool:
    """In a tree that was not type-checked, `math` in `math.ceil(x)` looks like a variable."""
    return isinstance(target, Name) and target.name in _NAMESPACES
