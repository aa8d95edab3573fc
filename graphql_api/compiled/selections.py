"""Compiles what is selected of objects, by type: which fields, in which order, and how each gets its value."""

from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues

from graphql_api.compiled.completion import Complete, completer
from graphql_api.compiled.field import Field
from graphql_api.compiled.leaves import quick_way
from graphql_api.compiled.objects import (
    Called,
    Constant,
    Made,
    Make,
    ReadInLine,
    Selected,
    object_function,
    object_functions,
)
from graphql_api.compiled.paths import Path
from graphql_api.compiled.resolvers import Attribute, way_of
from graphql_api.compiled.resolving import completed, resolver
from graphql_api.compiled.run import Run
from graphql_api.compiled.unsupported import Reason, Unsupported

TYPENAME = "__typename"


class Selections:
    """Of one operation. `conditions` are the variables that decide what is skipped and included, with their values."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        conditions: VariableValues,
    ) -> None:
        self.schema = schema
        self._operation = operation
        self._fragments = {name: FragmentDetails(each) for name, each in fragments.items()}
        self._conditions = conditions
        self._made: dict[tuple[GraphQLObjectType, Field], Made] = {}
        self._fields = 0

    def root(self, type_: GraphQLObjectType) -> Make:
        """Raises `Unsupported`."""
        return object_function(self._root(type_))

    def root_fields(self, type_: GraphQLObjectType) -> list[Make]:
        """One by one, for those that must wait for each other: each makes an object of its own. Raises `Unsupported`."""
        return [object_function([each]) for each in self._root(type_)]

    def fields_of(self, type_: GraphQLObjectType, field: Field) -> Made:
        known = self._made.get((type_, field))
        if known is None:
            found = collect_subfields(
                self.schema, self._fragments, self._conditions, self._operation, type_, field.details
            )
            known = object_functions(self._selected(type_, found.grouped_field_set, field))
            self._made[type_, field] = known
        return known

    def _root(self, type_: GraphQLObjectType) -> list[Selected]:
        found = collect_fields(self.schema, self._fragments, self._conditions, type_, self._operation)
        return self._selected(type_, found.grouped_field_set, None)

    def _selected(
        self, type_: GraphQLObjectType, found: dict[str, FieldDetailsList], above: Field | None
    ) -> list[Selected]:
        return [self._one(type_, key, details, above) for key, details in found.items()]

    def _one(self, type_: GraphQLObjectType, key: str, details: FieldDetailsList, above: Field | None) -> Selected:
        name = details[0].node.name.value
        if name == TYPENAME:
            return Constant(key, type_.name)
        definition = type_.fields.get(name)
        if definition is None:
            raise Unsupported(Reason.INTROSPECTION)
        self._fields += 1
        field = Field(number=self._fields, key=key, parent=type_, definition=definition, details=details, above=above)
        way = way_of(definition, self.schema)
        complete = completer(definition.type, field, self)
        if isinstance(way, Attribute):
            leaf = get_nullable_type(definition.type)
            quick = quick_way(leaf) if is_leaf_type(leaf) else None
            if quick is not None:
                return ReadInLine(key, field, way.name, quick, _completing(field, complete))
        return Called(key, resolver(way, field, complete, self.schema))


def _completing(field: Field, complete: Complete) -> Complete:
    def completing(run: Run, value: Any, path: Path) -> Any:
        return completed(run, value, field, complete, path)

    return completing
