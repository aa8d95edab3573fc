"""The variables of an operation: nearly all are scalars that are given as they are meant, which is quickly seen. Whatever
else they are, graphql-core coerces them, and says what is wrong with them.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

_MOST_ERRORS = 20
_AS_MEANT: dict[Any, Callable[[Any], bool]] = {
    GraphQLString: lambda value: value.__class__ is str,
    GraphQLID: lambda value: value.__class__ is str,
    GraphQLBoolean: lambda value: value.__class__ is bool,
    GraphQLInt: lambda value: value.__class__ is int and -(2**31) <= value < 2**31,
    GraphQLFloat: lambda value: value.__class__ is float and isfinite(value),
}


class _Quick(NamedTuple):
    """A variable that need not be coerced if it is `as_meant`; if it is `optional`, it may be left out or null as well."""

    name: str
    signature: GraphQLVariableSignature
    as_meant: Callable[[Any], bool]
    optional: bool


class Variables:
    """Of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._quick: list[_Quick] | None = []
        for definition in self._definitions:
            signature = get_variable_signature(schema, definition)
            quick = None if isinstance(signature, GraphQLError) else _quick(signature)
            if quick is None:
                self._quick = None
                return
            self._quick.append(quick)

    def coerced(self, given: Mapping[str, Any], *, hide_suggestions: bool) -> VariableValues | list[GraphQLError]:
        found = VariableValues({}, {})
        return found if self._coerce(given, found) else self._slowly(given, hide_suggestions=hide_suggestions)

    def _coerce(self, given: Mapping[str, Any], found: VariableValues) -> bool:
        """Whether all of them were what is meant."""
        if self._quick is None:
            return False
        for name, signature, as_meant, optional in self._quick:
            if name not in given:
                if not optional:
                    return False
                found.sources[name] = VariableValueSource(signature)
                continue
            value = given[name]
            if not (as_meant(value) or (optional and value is None)):
                return False
            found.sources[name] = VariableValueSource(signature, value)
            found.coerced[name] = value
        return True

    def _slowly(self, given: Mapping[str, Any], *, hide_suggestions: bool) -> VariableValues | list[GraphQLError]:
        return get_variable_values(
            self._schema, self._definitions, dict(given), max_errors=_MOST_ERRORS, hide_suggestions=hide_suggestions
        )


def _quick(signature: GraphQLVariableSignature) -> _Quick | None:
    """None for what graphql-core has to look at: types that are not simple, and defaults, which stand for what is left out."""
    type_ = signature.type
    required = isinstance(type_, GraphQLNonNull)
    as_meant = _AS_MEANT.get(type_.of_type if isinstance(type_, GraphQLNonNull) else type_)
    if as_meant is None or signature.default is not None:
        return None
    return _Quick(signature.name, signature, as_meant, optional=not required)
