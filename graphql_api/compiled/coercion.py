"""The arguments of a field by the schema, as graphql-core coerces them, with what cannot vary coerced once."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from graphql import ArgumentNode, GraphQLArgument, GraphQLError, VariableNode, Visitor, is_non_null_type, visit
from graphql.execution.values import VariableValues, coerce_argument, get_argument_values

from graphql_api.compiled.field import Field

Named = dict[str, Any]
_LASTING = (str, int, float, bool, datetime, date, timedelta, Decimal, UUID, Enum, type(None))
_NOTHING = VariableValues({}, {})


class _Variable(NamedTuple):
    """An argument that is a variable and nothing else. `absent` is what stands for it without a value; None is an error."""

    name: str
    argument: str
    nullable: bool
    absent: Named | None


class Coercion:
    """Of one field at its place. `varies` with the variables, or is the same for all executions."""

    __slots__ = ("_field", "_fixed", "_variables", "_whole", "varies")

    def __init__(self, field: Field) -> None:
        self._field = field
        self._fixed: Named = {}
        self._variables: list[_Variable] = []
        self._whole = False
        """Whether graphql-core has to look at all of them each time."""
        nodes = {node.name.value: node for node in field.nodes[0].arguments or ()}
        for name, definition in field.definition.args.items():
            self._plan(name, definition, nodes.get(name))
        self.varies = self._whole or bool(self._variables)

    def given(self, variables: VariableValues, *, hide_suggestions: bool) -> Named:
        """Raises `GraphQLError`."""
        if self._whole:
            return self._slowly(variables, hide_suggestions=hide_suggestions)
        given, coerced = dict(self._fixed), variables.coerced
        for name, argument, nullable, absent in self._variables:
            value = coerced.get(name)
            if value is not None or (nullable and name in coerced):
                given[argument] = value
            elif name in coerced or absent is None:
                return self._slowly(variables, hide_suggestions=hide_suggestions)
            else:
                given.update(absent)
        return given

    def _slowly(self, variables: VariableValues, *, hide_suggestions: bool) -> Named:
        definition, node = self._field.definition, self._field.nodes[0]
        return get_argument_values(definition, node, variables, hide_suggestions=hide_suggestions)

    def _plan(self, name: str, definition: GraphQLArgument, node: ArgumentNode | None) -> None:
        if node is not None and isinstance(node.value, VariableNode):
            nullable = not is_non_null_type(definition.type)
            argument = definition.out_name or name
            self._variables.append(
                _Variable(node.value.name.value, argument, nullable, self._alone(name, definition, node))
            )
            return
        fixed = None if node is not None and _has_variables(node) else self._alone(name, definition, node)
        if fixed is None or (node is not None and not lasting(fixed)):
            self._whole = True
        else:
            self._fixed.update(fixed)

    def _alone(self, name: str, definition: GraphQLArgument, node: ArgumentNode | None) -> Named | None:
        """The argument without any variable. What is wrong is told when the field is resolved, where the error belongs."""
        found: Named = {}
        try:
            coerce_argument(found, self._field.nodes[0], name, definition, node, _NOTHING, None)
        except GraphQLError:
            return None
        return found


def lasting(values: Named) -> bool:
    """Whether nobody can change them."""
    return all(isinstance(value, _LASTING) for value in values.values())


class _Variables(Visitor):
    found = False

    def enter_variable(self, *_: object) -> None:
        self.found = True


def _has_variables(node: ArgumentNode) -> bool:
    visitor = _Variables()
    visit(node, visitor)
    return visitor.found
