"""An operation of a valid document, ready for any variables: executed by what is compiled of it, or, where that cannot be, by
graphql-core.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from inspect import isawaitable
from typing import Any, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLLeafType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues

from graphql_api.compiled.objects import Make
from graphql_api.compiled.operation import CompiledOperation
from graphql_api.compiled.unsupported import Reason, Unsupported
from graphql_api.compiled.variables import Variables
from graphql_api.room import LONG, counted

MOST_FIELDS = 500
"""Of an operation that is compiled, fragments unfolded: it takes some 0.1 ms for each."""


class Programs:
    """Those of a document, by name. `fields` is how many its largest operation has."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, fields: int) -> None:
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        made = [Program(schema, document, each, fragments, fields) for each in operations]
        self._only = made[0] if len(made) == 1 else None
        self._named = {each.operation.name.value: each for each in made if each.operation.name}

    def get(self, name: str | None) -> "Program | GraphQLError":
        if name is None:
            return self._only or GraphQLError("Must provide operation name if query contains multiple operations.")
        return self._named.get(name) or GraphQLError(f"Unknown operation named '{name}'.")


class Program:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        fields: int,
    ) -> None:
        self.operation = operation
        self.fragments = fragments
        self._schema = schema
        self._document = document
        self._fields = fields

    def prepare(self, given: Mapping[str, Any] | None, *, hide_suggestions: bool) -> "Prepared | list[GraphQLError]":
        """With the variables of a request, or what is wrong with them."""
        variables = self._variables.coerced(given or {}, hide_suggestions=hide_suggestions)
        if isinstance(variables, list):
            return variables
        compiled = self._compiled
        steps: Sequence[Make] | Reason = compiled if isinstance(compiled, Reason) else compiled.variant(variables)
        return Prepared(self, variables, steps, hide_suggestions=hide_suggestions)

    @cached_property
    def _variables(self) -> Variables:
        return Variables(self._schema, self.operation)

    @cached_property
    def _compiled(self) -> CompiledOperation | Reason:
        if self._fields > MOST_FIELDS:
            return Reason.LARGE
        try:
            return CompiledOperation(self._schema, self._document, self.operation)
        except Unsupported as unsupported:
            return unsupported.reason

    async def executed(self, prepared: "Prepared", root: Any, context: Any) -> ExecutionResult:
        steps, compiled = prepared.steps, self._compiled
        if not isinstance(steps, Reason) and not isinstance(compiled, Reason):
            return await compiled.execute(
                steps, root, context, prepared.variables, hide_suggestions=prepared.hide_suggestions
            )
        outcome = self.executor(prepared, root, context).execute_operation()
        return cast("ExecutionResult", await outcome if isawaitable(outcome) else outcome)

    def executor(self, prepared: "Prepared", root: Any, context: Any) -> Executor[Any]:
        """graphql-core's."""
        return _Core(
            self._schema,
            dict(self.fragments),
            {name: FragmentDetails(each) for name, each in self.fragments.items()},
            root,
            context,
            self.operation,
            prepared.variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=prepared.hide_suggestions,
        )


class _Core(Executor[Any]):
    """Counts long texts as compiled operations do."""

    @staticmethod
    def complete_leaf_value(return_type: GraphQLLeafType, result: Any) -> Any:
        coerced = Executor.complete_leaf_value(return_type, result)
        return counted(coerced) if return_type is GraphQLString and len(coerced) >= LONG else coerced


class Prepared:
    """An operation with its variables."""

    __slots__ = ("hide_suggestions", "program", "steps", "variables")

    def __init__(
        self, program: Program, variables: VariableValues, steps: Sequence[Make] | Reason, *, hide_suggestions: bool
    ) -> None:
        self.program = program
        self.variables = variables
        self.steps = steps
        self.hide_suggestions = hide_suggestions

    @property
    def left_to_core(self) -> Reason | None:
        return self.steps if isinstance(self.steps, Reason) else None

    async def execute(self, root: Any, context: Any) -> ExecutionResult:
        return await self.program.executed(self, root, context)

    def executor(self, context: Any) -> Executor[Any]:
        return self.program.executor(self, None, context)
