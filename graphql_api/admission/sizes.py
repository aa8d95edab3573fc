"""How long the lists of an operation are, by its arguments: written in the document, or given as variables.

Variables are taken as they were sent. What does not fit counts as nothing or as much as is allowed; it is refused when
variables are coerced, or by the field, with its own error.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLSchema,
    ListTypeNode,
    ListValueNode,
    NamedTypeNode,
    NonNullTypeNode,
    ObjectValueNode,
    OperationDefinitionNode,
    TypeNode,
    ValueNode,
    VariableNode,
    is_input_object_type,
    value_from_ast_untyped,
)

from engine.usecases.paging import MAX_FIRST
from graphql_api.admission.formula import Formula, Variables, total

Size = Formula
_ITEMS = ("items", "ids", "edits")
_BY_FILTER = 100
"""What a mutation of all that a filter finds counts as."""


VALUES_AT_ONE = 10
"""Values of JSON that count as one."""
_CHARACTERS = 100
"""Of a text that count as another value."""
_OF_DEFINITION = 20
_ANYTHING = "JSON"


class Sent(Mapping[str, Any]):
    """The variables of one request, with what each of them holds: counted once, however often it is used."""

    __slots__ = ("_defaults", "_held", "_variables")

    def __init__(self, variables: Variables, defaults: Variables) -> None:
        self._variables = variables
        self._defaults = defaults
        self._held: dict[tuple[str, int], int] = {}

    def __getitem__(self, name: str) -> Any:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def cost_of(self, name: str, characters: int) -> int:
        key = (name, characters)
        if key not in self._held:
            value = self._variables.get(name, self._defaults.get(name))
            self._held[key] = values_in(value, characters) // VALUES_AT_ONE
        return self._held[key]


def values_in(value: Any, characters: int = _CHARACTERS) -> int:
    """How many values there are in one of JSON, itself counted; so many characters of a text are another one."""
    count = 0
    pending: list[Any] = [[value]]
    while pending:
        holder = pending.pop()
        count += len(holder)
        for item in holder.values() if holder.__class__ is dict else holder:
            class_ = item.__class__
            if class_ is str:
                count += len(item) // characters
            elif class_ is dict or class_ is list:
                pending.append(item)
    return count


def holds_much(schema: GraphQLSchema, operation: OperationDefinitionNode) -> frozenset[str]:
    """The variables that are lists, input objects or any JSON. Scalars are bounded by the size of a request."""
    return frozenset(
        each.variable.name.value for each in operation.variable_definitions or () if _may_hold_much(schema, each.type)
    )


def values_of_input(node: ValueNode, large: frozenset[str], *, takes_definition: bool) -> Size:
    """Of the variables in an argument; what is written in the document is bounded by its tokens."""
    if isinstance(node, VariableNode):
        name = node.name.value
        characters = _OF_DEFINITION if takes_definition else _CHARACTERS
        return (lambda variables: _held(variables, name, characters)) if name in large else 0
    if isinstance(node, ObjectValueNode):
        return total(values_of_input(each.value, large, takes_definition=takes_definition) for each in node.fields)
    if isinstance(node, ListValueNode):
        return total(values_of_input(each, large, takes_definition=takes_definition) for each in node.values)
    return 0


def _held(variables: Variables, name: str, characters: int) -> int:
    sent = variables if isinstance(variables, Sent) else Sent(variables, {})
    return sent.cost_of(name, characters)


def _may_hold_much(schema: GraphQLSchema, node: TypeNode) -> bool:
    match node:
        case NonNullTypeNode(type=inner):
            return _may_hold_much(schema, inner)
        case ListTypeNode():
            return True
        case NamedTypeNode(name=name):
            return name.value == _ANYTHING or is_input_object_type(schema.type_map.get(name.value))
    return False


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


__all__ = ["Sent", "Size", "Variables", "holds_much", "items_of_input", "length_of", "number_of", "values_of_input"]
