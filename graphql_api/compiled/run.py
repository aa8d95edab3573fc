"""What one execution of a compiled operation carries along."""

from typing import Any, NamedTuple

from graphql import FragmentDefinitionNode, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.values import VariableValues

from graphql_api.compiled.awaiting import Background
from graphql_api.compiled.paths import Path
from graphql_api.compiled.turns import Turns


class Executed(NamedTuple):
    """The operation that is executed, as resolvers may ask for it."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]


class Run:
    __slots__ = (
        "_nulled",
        "arguments",
        "background",
        "context",
        "errors",
        "executed",
        "hide_suggestions",
        "root",
        "turns",
        "variables",
    )

    def __init__(
        self, executed: Executed, root: Any, context: Any, variables: VariableValues, *, hide_suggestions: bool
    ) -> None:
        self.executed = executed
        self.root = root
        self.context = context
        self.variables = variables
        self.hide_suggestions = hide_suggestions
        self.arguments: dict[int, dict[str, Any]] = {}
        """What a field, by its number, is called with; where that cannot change."""
        self.errors: list[GraphQLError] = []
        self.turns = Turns()
        self.background = Background()
        self._nulled: set[Path] = set()

    def report(self, error: GraphQLError, path: Path) -> None:
        """Nothing of what is null already because of an earlier error."""
        nulled = self._nulled
        above = path
        while above is not None:
            if above in nulled:
                return
            above = above[0]
        if None in nulled:
            return
        nulled.add(path)
        self.errors.append(error)
