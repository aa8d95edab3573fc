"""What an operation costs: the fields that it reads, those of lists counted by the size of the list.

A formula is made once for each document; it is a number where no variable says how much is read. It is an upper bound:
lists are counted as full, and of the types that an interface may have the most expensive one.

| what | counts |
|---|---|
| a field | 1; 5 if a resolver reads it from the store; see `_WEIGHTS` for others |
| a connection (`first`) | what is selected of its nodes and edges, `first` times |
| `nodes(ids)` | what is selected, once for each id |
| another list of objects | what is selected, `ASSUMED_SIZE` times |
| a mutation | 50, and 10 for each item or id of its input |
| `stats` of a trigger | 50 for each of its counts |
| `nextFireTimes` | 5, `first` times |
| a variable that is no scalar | what it holds, at each place where it is given: see `sizes.values_in` |
| `@skip`, `@include` | nothing where the field is left out |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
    value_from_ast_untyped,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from graphql_api.admission.formula import Formula, largest, product, total, when
from graphql_api.admission.sizes import Sent, Size, holds_much, items_of_input, length_of, number_of, values_of_input

ASSUMED_SIZE = 10
READING = 5
MUTATION = 50
ITEM = 10
COUNTING = 50
_WEIGHTS = {
    "totalCount": COUNTING,
    "validateWorkflow": 50,
    "health": 20,
    "lastFiredAt": READING,
    "__schema": 5_000,
    "__type": 500,
}
_COUNTS = "TriggerStats"
"""All that it has are counts."""
_COMPUTED = {"nextFireTimes": 5}
"""Values that are computed one by one, `first` of them: a time of a rare schedule takes as long as some fields."""
_TAKE_DEFINITIONS = frozenset({"validateWorkflow", "createWorkflow", "updateWorkflow"})
"""A text that they are given is read as YAML."""
_OPAQUE = frozenset({"__schema", "__type"})
"""What is selected of these is not counted: validation bounds how deep it goes, and their weight is that of all of it."""
_CONNECTION = "Connection"
_Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
_Conditions = tuple[DirectiveNode, ...]


def formulas_of(schema: GraphQLSchema, document: DocumentNode) -> dict[str | None, Formula]:
    """By the name of the operation. The document is valid."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    return {
        node.name.value if node.name else None: _Counting(schema, fragments, node).formula()
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    }


@dataclass
class _Selected:
    """What is selected under one name: the sets are merged; `conditions` are those of each place."""

    node: FieldNode
    sets: list[SelectionSetNode]
    conditions: list[_Conditions]


class _Counting:
    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], operation: OperationDefinitionNode
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._operation = operation
        self._defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in operation.variable_definitions or ()
            if each.default_value
        }
        self._large = holds_much(schema, operation)

    def formula(self) -> Formula:
        root = self._schema.get_root_type(self._operation.operation)
        formula = self._of(cast("GraphQLObjectType", root), [self._operation.selection_set], None)
        if isinstance(formula, int) or not self._large:
            return formula
        return lambda variables: formula(Sent(variables, self._defaults))

    def _of(self, type_: _Composite, sets: list[SelectionSetNode], size: Size | None) -> Formula:
        """Of one object. `size` is that of the connection that the object is, if it is one."""
        possible = [type_] if isinstance(type_, GraphQLObjectType) else self._schema.get_possible_types(type_)
        return largest(self._of_object(each, sets, size) for each in possible)

    def _of_object(self, type_: GraphQLObjectType, sets: list[SelectionSetNode], size: Size | None) -> Formula:
        selected: dict[str, _Selected] = {}
        for each in sets:
            self._collect(type_, each, (), selected)
        return total(self._of_field(type_, each, size) for each in selected.values())

    def _collect(
        self, type_: GraphQLObjectType, selections: SelectionSetNode, given: _Conditions, into: dict[str, _Selected]
    ) -> None:
        for node in selections.selections:
            conditions = (*given, *(node.directives or ()))
            if isinstance(node, FieldNode):
                name = node.alias.value if node.alias else node.name.value
                entry = into.setdefault(name, _Selected(node, [], []))
                entry.conditions.append(conditions)
                if node.selection_set:
                    entry.sets.append(node.selection_set)
                continue
            fragment: InlineFragmentNode | FragmentDefinitionNode = (
                self._fragments[node.name.value]
                if isinstance(node, FragmentSpreadNode)
                else cast("InlineFragmentNode", node)
            )
            if self._applies(fragment, type_):
                self._collect(type_, fragment.selection_set, conditions, into)

    def _applies(self, fragment: InlineFragmentNode | FragmentDefinitionNode, type_: GraphQLObjectType) -> bool:
        if fragment.type_condition is None:
            return True
        condition = self._schema.type_map[fragment.type_condition.name.value]
        return condition is type_ or (
            isinstance(condition, GraphQLInterfaceType | GraphQLUnionType)
            and self._schema.is_sub_type(condition, type_)
        )

    def _of_field(self, type_: GraphQLObjectType, selected: _Selected, size: Size | None) -> Formula:
        node, name = selected.node, selected.node.name.value
        if name.startswith("__"):
            return self._conditional(selected, _WEIGHTS.get(name, 1))
        field = type_.fields[name]
        formula = total([self._weight(type_, name, field), self._of_input(type_, node)])
        if name in _COMPUTED:
            formula = product(_COMPUTED[name], self._size(field, node) or 0)
        if selected.sets:
            formula = total([formula, self._of_inside(field, selected, size)])
        return self._conditional(selected, formula)

    def _of_inside(self, field: GraphQLField, selected: _Selected, size: Size | None) -> Formula:
        inner = cast("_Composite", get_named_type(field.type))
        if _is_list(field):
            many = size or self._size(field, selected.node) or ASSUMED_SIZE
            return product(many, self._of(inner, selected.sets, None))
        return self._of(inner, selected.sets, self._size(field, selected.node) if _is_connection(inner) else None)

    def _size(self, field: GraphQLField, node: FieldNode) -> Size | None:
        given = {each.name.value: each.value for each in node.arguments or ()}
        if "first" in field.args:
            return number_of(given.get("first"), field.args["first"], self._defaults)
        return length_of(given["ids"], self._defaults) if "ids" in given else None

    def _weight(self, type_: GraphQLObjectType, name: str, field: GraphQLField) -> int:
        if type_ is self._schema.mutation_type:
            return MUTATION
        if type_.name == _COUNTS:
            return COUNTING
        definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        reads = (
            definition is not None and not definition.is_basic_field and is_composite_type(get_named_type(field.type))
        )
        return _WEIGHTS.get(name, READING if reads else 1)

    def _of_input(self, type_: GraphQLObjectType, node: FieldNode) -> Formula:
        """Of what variables hold, and of the things that a mutation of many is given."""
        values = [each.value for each in node.arguments or ()]
        takes_definition = node.name.value in _TAKE_DEFINITIONS
        held = total(values_of_input(each, self._large, takes_definition=takes_definition) for each in values)
        if type_ is not self._schema.mutation_type:
            return held
        return total([held, product(ITEM, total(items_of_input(value, self._defaults) for value in values))])

    def _conditional(self, selected: _Selected, formula: Formula) -> Formula:
        """Where one place selects it without a condition, it is read."""
        places = [[_condition(each, self._defaults) for each in conditions] for conditions in selected.conditions]
        if any(not place for place in places):
            return formula
        return when(lambda variables: any(all(holds(variables) for holds in place) for place in places), formula)


def _condition(node: DirectiveNode, defaults: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """Whether what the directive stands at is selected; other directives say nothing about that."""
    if node.name.value not in ("skip", "include"):
        return lambda _: True
    wanted = node.name.value == "include"
    value = next((each.value for each in node.arguments or ()), None)
    if isinstance(value, VariableNode):
        name = value.name.value
        default = defaults.get(name, wanted)
        return lambda variables: bool(variables.get(name, default)) is wanted
    holds = isinstance(value, BooleanValueNode) and value.value is wanted
    return lambda _: holds


def _is_list(field: GraphQLField) -> bool:
    type_ = field.type
    return is_list_type(type_.of_type if isinstance(type_, GraphQLNonNull) else type_)


def _is_connection(type_: _Composite) -> bool:
    return type_.name.endswith(_CONNECTION)
