"""What resolvers are told about where they are. Nearly all of them want the context alone, so the rest is made when it is
asked for.
"""

from collections.abc import Awaitable, Sequence
from functools import cached_property
from typing import Any

import strawberry
from graphql import GraphQLResolveInfo
from graphql.pyutils import Path as CorePath
from graphql.pyutils import gather_with_cancel
from graphql.pyutils import is_awaitable as has_await
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.types.field import StrawberryField

from graphql_api.compiled.field import Field
from graphql_api.compiled.paths import Path, keys_of
from graphql_api.compiled.run import Run


class LazyInfo(strawberry.Info[Any, Any]):
    """Strawberry's."""

    def __init__(self, run: Run, field: Field, definition: StrawberryField, path: Path) -> None:
        self._run = run
        self._position = field
        self._field = definition
        self._place = path

    @property
    def context(self) -> Any:
        return self._run.context

    @cached_property
    def _raw_info(self) -> GraphQLResolveInfo[Any]:  # type: ignore[override]  # a field of the dataclass
        return core_info(self._run, self._position, self._place)


def core_info(run: Run, field: Field, path: Path) -> GraphQLResolveInfo[Any]:
    """graphql-core's."""

    def track(values: Sequence[Any]) -> None:
        awaitables = [value for value in values if has_await(value)]
        if awaitables:
            run.settle_in_background(awaitables)

    def gathered(values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
        return gather_with_cancel(*values)

    executed = run.executed
    return GraphQLResolveInfo(
        field.name,
        field.nodes,
        field.type,
        field.parent,
        _core_path(field, path),
        executed.schema,
        executed.fragments,
        run.root,
        executed.operation,
        run.variables,
        run.context,
        has_await,
        None,
        GraphQLResolveInfoHelpers(gather=gathered, track=track),
    )


def _core_path(field: Field, path: Path) -> CorePath:
    """With the type of each object on the way, as graphql-core has it."""
    parents = []
    at: Field | None = field
    while at is not None:
        parents.append(at.parent.name)
        at = at.above
    found: CorePath | None = None
    for key in keys_of(path):
        found = CorePath(found, key, parents.pop() if isinstance(key, str) else None)
    assert found is not None
    return found
