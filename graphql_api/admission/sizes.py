"""How long the lists of an operation are, by its arguments: written in the document, or given as variables.

Variables are taken as they were sent. What does not fit counts as nothing or as much as is allowed; it is refused when
variables are coerced, or by the field, with its own error.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    value_from_ast_untyped,
)

from engine.usecases.paging import MAX_FIRST
from graphql_api.admission.formula import Formula, Variables

Size = Formula
_ITEMS = ("items", "ids", "edits")
_BY_FILTER = 100
"""What a mutation of all that a filter finds counts as."""


def number_of(node: ValueNode | None, argument: GraphQLArgument, defaults: Mapping[str, Any]) -> Size:
    """Of `first`: what is beyond what a page may have counts as a full page, for the field refuses it."""
    if node is None:
        return _page(argument.default_value)
    if isinstance(node, VariableNode):
        name = node.name.value
        default = defaults.get(name, argument.default_value)
        return lambda variables: _page(variables.get(name, default))
    return _page(value_from_ast_untyped(node))


def length_of(node: ValueNode, defaults: Mapping[str, Any]) -> Size:
    return _sized(node, defaults, _length)


def items_of_input(node: ValueNode, defaults: Mapping[str, Any]) -> Size:
    """How many things the input of a mutation is about; 0 where it is about one."""
    if isinstance(node, ObjectValueNode):
        fields = {each.name.value: each.value for each in node.fields}
        for name in _ITEMS:
            if name in fields:
                return length_of(fields[name], defaults)
        return _BY_FILTER if "filter" in fields else 0
    return _sized(node, defaults, _items)


def _sized(node: ValueNode, defaults: Mapping[str, Any], measure: Callable[[Any], int]) -> Size:
    if isinstance(node, VariableNode):
        name = node.name.value
        default = defaults.get(name)
        return lambda variables: measure(variables.get(name, default))
    if isinstance(node, ListValueNode):
        return len(node.values)
    return measure(value_from_ast_untyped(node))


def _page(value: Any) -> int:
    return min(max(value, 0), MAX_FIRST) if isinstance(value, int) else MAX_FIRST


def _length(value: Any) -> int:
    """One value stands for a list of one."""
    return len(value) if isinstance(value, list) else int(value is not None)


def _items(value: Any) -> int:
    if not isinstance(value, dict):
        return 0
    for name in _ITEMS:
        if value.get(name) is not None:
            return _length(value[name])
    return _BY_FILTER if value.get("filter") is not None else 0


__all__ = ["Size", "Variables", "items_of_input", "length_of", "number_of"]
