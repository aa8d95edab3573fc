"""What one execution of a compiled operation carries along."""

from asyncio import gather
from collections.abc import Awaitable, Iterable
from typing import Any, NamedTuple

from graphql import FragmentDefinitionNode, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.values import VariableValues

from graphql_api.compiled.paths import Path
from graphql_api.compiled.turns import Turns


class Executed(NamedTuple):
    """The operation that is executed, as resolvers may ask for it."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]


class Run:
    __slots__ = (
        "_background",
        "_nulled",
        "arguments",
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
        self._background: set[Any] | None = None
        self._nulled: set[Path] | None = None

    def report(self, error: GraphQLError, path: Path) -> None:
        """Nothing of what is null already because of an earlier error."""
        nulled = self._nulled = self._nulled if self._nulled is not None else set()
        above = path
        while above is not None:
            if above in nulled:
                return
            above = above[0]
        if None in nulled:
            return
        nulled.add(path)
        self.errors.append(error)

    def settle_in_background(self, awaitables: Iterable[Awaitable[Any]]) -> None:
        """What an error has made needless still runs to its end, and must not complain to the event loop of being orphaned."""
        future = gather(*awaitables, return_exceptions=True)
        background = self._background = self._background if self._background is not None else set()
        background.add(future)
        future.add_done_callback(background.discard)
