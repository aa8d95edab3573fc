"""How much work a document asks for, as far as its text tells; measured before it is validated.

Validation compares every two fields that answer under one name, and every two fragments that are spread in one place, so
what it costs grows with the square of a document's size: 200 fragments took a second, in which nobody else was answered. It
prints whole literals, for every error and for every two fields it compares, and goes through a fragment several times.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TokenKind,
)

_INTROSPECTION = frozenset({"__schema", "__type"})


class Measures(NamedTuple):
    """Of the heaviest operation, and of the whole document (characters, tokens, fragments, operations, directives, comparisons)."""

    characters: int
    tokens: int
    argument_tokens: int
    fragments: int
    operations: int
    root_fields: int
    depth: int
    fields: int
    aliases: int
    directives: int
    comparisons: int
    introspects: bool


class Excess(Exception):  # it is about the document, and no error of ours
    """There is no end to what the document unfolds into, or it is beyond every limit."""


class _Weight(NamedTuple):
    """`fields` counts a fragment's fields at every spread, `depth` is that of the deepest field, from 1."""

    depth: int
    fields: int
    aliases: int


_NOTHING = _Weight(0, 0, 0)


def measures_of(document: DocumentNode, *, fields: int, comparisons: int) -> Measures:
    """The document need not be valid: fragments that are missing count nothing. Raises `Excess` for fragments that spread
    themselves or share a name, which is invalid anyway, and where more than `fields` or `comparisons` are met, since
    counting on would be the work that is to be avoided; and `RecursionError`.
    """
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = _fragments(document)
    counter = _Counter(fragments)
    weights = [counter.of(operation.selection_set) for operation in operations]
    unspread = [fragments[name] for name in counter.unspread()]
    unfolded = sum(weight.fields for weight in weights) + sum(
        counter.fragment(each.name.value).fields for each in unspread
    )
    if unfolded > _MANY * fields:
        raise Excess(f"The document unfolds into {unfolded:,} fields; the limit is {_MANY * fields:,}")
    pairs = _Pairs(fragments, comparisons)
    for definition in (*operations, *unspread):
        pairs.of([definition.selection_set])
    roots = [[field.name.value for field, _ in _flat([each.selection_set], fragments)] for each in operations]
    tokens = _tokens(document)
    return Measures(
        characters=len(document.loc.source.body) if document.loc else 0,
        tokens=tokens.all,
        argument_tokens=tokens.in_parentheses,
        fragments=len(fragments),
        operations=len(operations),
        root_fields=max((len(names) for names in roots), default=0),
        depth=max((weight.depth for weight in weights), default=0),
        fields=max((weight.fields for weight in weights), default=0),
        aliases=max((weight.aliases for weight in weights), default=0),
        directives=tokens.directives,
        comparisons=pairs.seen,
        introspects=any(not _INTROSPECTION.isdisjoint(names) for names in roots),
    )


_MANY = 4
"""How many operations of the largest size one document may hold."""


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    fragments: dict[str, FragmentDefinitionNode] = {}
    for node in document.definitions:
        if isinstance(node, FragmentDefinitionNode):
            if node.name.value in fragments:
                raise Excess(f"There can be only one fragment named '{node.name.value[:80]}'.")
            fragments[node.name.value] = node
    return fragments


class _Counter:
    """Counts every fragment once, however often it is spread."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, _Weight | None] = {}
        self._spread: set[str] = set()

    def of(self, selections: SelectionSetNode | None) -> _Weight:
        depth = fields = aliases = 0
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                inner = self.of(selection.selection_set)
                found = _Weight(inner.depth + 1, inner.fields + 1, inner.aliases + (selection.alias is not None))
            elif isinstance(selection, InlineFragmentNode):
                found = self.of(selection.selection_set)
            else:
                assert isinstance(selection, FragmentSpreadNode)
                self._spread.add(selection.name.value)
                found = self.fragment(selection.name.value)
            depth = max(depth, found.depth)
            fields += found.fields
            aliases += found.aliases
        return _Weight(depth, fields, aliases)

    def fragment(self, name: str) -> _Weight:
        if name not in self._fragments:
            return _NOTHING
        if name not in self._known:
            self._known[name] = None  # while it is being counted
            self._known[name] = self.of(self._fragments[name].selection_set)
        known = self._known[name]
        if known is None:
            raise Excess(f"Cannot spread fragment '{name[:80]}' within itself")
        return known

    def unspread(self) -> list[str]:
        """The fragments that nothing spreads; the others are unfolded by an operation, or by one of these."""
        for name in self._fragments:
            self.fragment(name)
        return [name for name in self._fragments if name not in self._spread]


class _Pairs:
    """Counts the comparisons of fields that answer under one name, in the tree in which they are merged."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode], most: int) -> None:
        self._fragments = fragments
        self._most = most
        self.seen = 0

    def of(self, sets: list[SelectionSetNode | None]) -> None:
        by_name: dict[str, list[SelectionSetNode | None]] = {}
        spreads: Counter[int] = Counter()
        for field, spread in _flat(sets, self._fragments):
            spreads[spread] += 1
            name = field.alias.value if field.alias else field.name.value
            by_name.setdefault(name, []).append(field.selection_set)
        self._add(len(spreads))
        for merged in by_name.values():
            self._add(len(merged))
            inner = [each for each in merged if each is not None]
            if inner:
                self.of([*inner])

    def _add(self, alike: int) -> None:
        self.seen += alike * (alike - 1) // 2
        if self.seen > self._most:
            raise Excess(f"Fields of one name, or fragments in one place, are repeated beyond {self._most:,} pairs")


def _flat(
    sets: Iterable[SelectionSetNode | None], fragments: dict[str, FragmentDefinitionNode]
) -> Iterator[tuple[FieldNode, int]]:
    """The fields of these sets, fragments unfolded, each with the place of the spread that brought it (0 for none)."""
    waiting = [(each, 0) for each in sets]
    while waiting:
        selections, spread = waiting.pop()
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                yield selection, spread
            elif isinstance(selection, InlineFragmentNode):
                waiting.append((selection.selection_set, spread))
            else:
                assert isinstance(selection, FragmentSpreadNode)
                fragment = fragments.get(selection.name.value)
                waiting.append((fragment.selection_set if fragment else None, id(selection)))


class _Tokens(NamedTuple):
    """A directive begins with `@`, which has no other use outside of texts. Between parentheses stand arguments, with the literals
    that they are given, and definitions of variables.
    """

    all: int
    directives: int
    in_parentheses: int


def _tokens(document: DocumentNode) -> _Tokens:
    token = document.loc.start_token if document.loc else None
    every = directives = inside = depth = 0
    while token is not None:
        kind = token.kind
        if kind not in (TokenKind.SOF, TokenKind.EOF, TokenKind.COMMENT):
            every += 1
            directives += kind is TokenKind.AT
            depth -= kind is TokenKind.PAREN_R
            inside += depth > 0
            depth += kind is TokenKind.PAREN_L
        token = token.next
    return _Tokens(every, directives, inside)
