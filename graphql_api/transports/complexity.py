"""How much work a document asks for, as far as its text tells."""

from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)


class Complexity(NamedTuple):
    """`fields` counts a fragment's fields at every spread, `depth` is that of the deepest field, from 1."""

    depth: int
    fields: int
    aliases: int


NOTHING = Complexity(0, 0, 0)


def complexity_of(document: DocumentNode) -> Complexity:
    """Of the heaviest operation. The document is valid, so its fragments exist and have no cycles."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    counter = _Counter(fragments)
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    return _heaviest([counter.of(operation.selection_set) for operation in operations])


class _Counter:
    """Counts every fragment once, however often it is spread."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Complexity] = {}

    def of(self, selections: SelectionSetNode | None) -> Complexity:
        depth = fields = aliases = 0
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                inner = self.of(selection.selection_set)
                found = Complexity(inner.depth + 1, inner.fields + 1, inner.aliases + (selection.alias is not None))
            elif isinstance(selection, InlineFragmentNode):
                found = self.of(selection.selection_set)
            else:
                assert isinstance(selection, FragmentSpreadNode)
                found = self._fragment(selection.name.value)
            depth = max(depth, found.depth)
            fields += found.fields
            aliases += found.aliases
        return Complexity(depth, fields, aliases)

    def _fragment(self, name: str) -> Complexity:
        if name not in self._known:
            self._known[name] = self.of(self._fragments[name].selection_set)
        return self._known[name]


def _heaviest(found: list[Complexity]) -> Complexity:
    return Complexity(*(max(values) for values in zip(*found, strict=True))) if found else NOTHING
