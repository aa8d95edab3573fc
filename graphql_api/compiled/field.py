"""A field at its place in an operation: what is selected there, and what happens when it fails."""

from typing import NoReturn

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType, is_non_null_type, located_error
from graphql.execution.collect_fields import FieldDetailsList

from graphql_api.compiled.paths import Path, keys_of
from graphql_api.compiled.run import Run


class Field:
    """`number` is unique within its operation; `above` is the field whose value has this one, None at the root."""

    __slots__ = ("above", "definition", "details", "key", "name", "nodes", "nullable", "number", "parent")

    def __init__(
        self,
        *,
        number: int,
        key: str,
        parent: GraphQLObjectType,
        definition: GraphQLField,
        details: FieldDetailsList,
        above: "Field | None",
    ) -> None:
        self.number = number
        self.key = key
        self.parent = parent
        self.definition = definition
        self.details = details
        self.above = above
        self.nodes: list[FieldNode] = [each.node for each in details]
        self.name = self.nodes[0].name.value
        self.nullable = not is_non_null_type(definition.type)

    def fail(self, run: Run, error: Exception, path: Path) -> None:
        """Reports the error and leaves null, or raises it on where null is not allowed."""
        self.fail_at(run, error, path, nullable=self.nullable)

    def fail_at(self, run: Run, error: Exception, path: Path, *, nullable: bool) -> None:
        """The same of an item of its list."""
        located = located_error(error, self.nodes, keys_of(path))
        if not nullable:
            raise located
        run.report(located, path)

    def refuse_null(self) -> NoReturn:
        raise TypeError(f"Cannot return null for non-nullable field {self.parent}.{self.name}.")

    @property
    def type(self) -> GraphQLOutputType:
        return self.definition.type
