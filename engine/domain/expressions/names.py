"""Which variables an expression reads, and which of their entries."""

from collections.abc import Iterator

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


class Names(msgspec.Struct, frozen=True):
    """`steps` and `secrets` are the entries named as `steps.x` or `steps["x"]`; `unnamed` those of the two that are
    also used in another way, which cannot be followed.
    """

    roots: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    unnamed: frozenset[str] = frozenset()


def names_in(tree: Node) -> Names:
    found = list(_reads(tree, frozenset()))
    return Names(
        roots=frozenset(root for root, _ in found),
        steps=frozenset(entry for root, entry in found if root == "steps" and entry is not None),
        secrets=frozenset(entry for root, entry in found if root == "secrets" and entry is not None),
        unnamed=frozenset(root for root, entry in found if root in BY_NAME and entry is None),
    )


def names_in_chain(chain: Chain) -> Names:
    entries = frozenset(key for key in chain.keys[:1] if isinstance(key, str))
    return Names(
        roots=frozenset({chain.root}),
        steps=entries if chain.root == "steps" else frozenset(),
        secrets=entries if chain.root == "secrets" else frozenset(),
    )


def _reads(node: Node, bound: frozenset[str]) -> Iterator[tuple[str, str | None]]:
    """Pairs of a variable and the entry of it that is read, if it is named."""
    if isinstance(node, Name):
        if node.name not in bound and node.name not in _TYPES:
            yield _written(node.name), None
        return
    operand, entry = _access(node)
    if isinstance(operand, Name) and operand.name not in bound and operand.name not in _TYPES:
        yield _written(operand.name), entry
        return
    for child, inner in _children(node, bound):
        yield from _reads(child, inner)


def _written(name: str) -> str:
    """The name as people write it. A leading dot is CEL's way to the outermost variable."""
    plain = name.lstrip(".")
    return {LOOP: "loop", NOW: "now()"}.get(plain, plain)


def _access(node: Node) -> tuple[Node | None, str | None]:
    if isinstance(node, Member):
        return node.operand, node.field
    if isinstance(node, Call) and node.function in ("_[_]", "_[?_]", "_?._"):
        operand, key = node.arguments
        if isinstance(key, Literal) and isinstance(key.value, str):
            return operand, key.value
    return None, None


def _is_namespace(target: Node) -> bool:
    """In a tree that was not type-checked, `math` in `math.ceil(x)` looks like a variable."""
    return isinstance(target, Name) and target.name in _NAMESPACES


def _children(node: Node, bound: frozenset[str]) -> Iterator[tuple[Node, frozenset[str]]]:
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
