"""An operation of a document, compiled once for each way in which its conditions (@skip, @include) can turn out."""

from collections.abc import Iterator, Sequence
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLDeferDirective,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLStreamDirective,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues

from graphql_api.compiled.awaiting import is_awaitable
from graphql_api.compiled.objects import Make
from graphql_api.compiled.run import Executed, Run
from graphql_api.compiled.selections import Selections
from graphql_api.compiled.unsupported import Reason, Unsupported
from graphql_api.room import is_full

MOST_VARIANTS = 8

Values = tuple[Any, ...]


class CompiledOperation:
    """Everything about executing it but its variables, its context and its root value."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        """Raises `Unsupported`."""
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        directives = _directives(document)
        if operation.directives or any(each.name.value in _INCREMENTAL for each in directives):
            raise Unsupported(Reason.DIRECTIVES)
        if any(each.variable_definitions for each in fragments.values()):
            raise Unsupported(Reason.FRAGMENT_VARIABLES)
        defined = {each.variable.name.value for each in operation.variable_definitions or ()}
        self._conditions = [name for name in dict.fromkeys(_conditions(directives)) if name in defined]
        self._executed = Executed(schema, operation, fragments)
        self._variants: dict[Values, Sequence[Make] | Reason] = {}

    def variant(self, variables: VariableValues) -> Sequence[Make] | Reason:
        """What has to be made, one after the other; or why that cannot be compiled."""
        coerced = variables.coerced
        values = tuple([coerced.get(name) for name in self._conditions])
        known = self._variants.get(values)
        if known is not None:
            return known
        if not all(isinstance(value, bool) for value in values) or len(self._variants) >= MOST_VARIANTS:
            return Reason.CONDITIONS
        try:
            made: Sequence[Make] | Reason = self._compiled(values)
        except Unsupported as unsupported:
            made = unsupported.reason
        self._variants[values] = made
        return made

    async def execute(
        self,
        steps: Sequence[Make],
        root: Any,
        context: Any,
        variables: VariableValues,
        *,
        hide_suggestions: bool = False,
    ) -> ExecutionResult:
        """`steps` are those of the `variant` that belongs to these variables."""
        run = Run(self._executed, root, context, variables, hide_suggestions=hide_suggestions)
        data: dict[str, Any] | None = {}
        try:
            for make in steps:
                if is_full():
                    break
                made = make(run, root, None)
                if is_awaitable(made):
                    made = await made
                data = {**data, **made} if data else made
        except GraphQLError as error:
            run.report(error, None)
            data = None
        return ExecutionResult(data, run.errors or None)

    def _compiled(self, values: Values) -> Sequence[Make]:
        schema, operation, fragments = self._executed
        decided = VariableValues({}, dict(zip(self._conditions, values, strict=True)))
        selections = Selections(schema, operation, fragments, decided)
        root = schema.get_root_type(operation.operation)
        assert root is not None  # the document is valid
        if operation.operation is OperationType.MUTATION:
            return selections.root_fields(root)
        return [selections.root(root)]


_INCREMENTAL = (GraphQLDeferDirective.name, GraphQLStreamDirective.name)
_CONDITIONAL = (GraphQLSkipDirective.name, GraphQLIncludeDirective.name)


class _Directives(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[DirectiveNode] = []

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        self.found.append(node)


def _directives(document: DocumentNode) -> list[DirectiveNode]:
    visitor = _Directives()
    visit(document, visitor)
    return visitor.found


def _conditions(directives: Sequence[DirectiveNode]) -> Iterator[str]:
    for directive in directives:
        if directive.name.value in _CONDITIONAL:
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield argument.value.name.value
