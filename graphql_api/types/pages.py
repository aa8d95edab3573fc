"""Connections over pages of the use cases: keyset cursors, and a total that is counted only when it is selected."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Generic, TypeVar

import strawberry

from engine.usecases.paging import Page, PageRequest, check_first
from graphql_api.types.resolvers import resolved

T = TypeVar("T")
S = TypeVar("S")

First = Annotated[
    int | None,
    strawberry.argument(description="At most so many items, 1 to 100; anything else is refused with BAD_USER_INPUT."),
]
After = Annotated[
    str | None,
    strawberry.argument(
        description="Items behind this cursor; null starts at the first one. A cursor of another listing is refused."
    ),
]


@strawberry.type(description="Where a page stands in its listing.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether items follow the last one of this page.")
    has_previous_page: bool = strawberry.field(description="Whether items stand before the first one of this page.")
    start_cursor: str | None = strawberry.field(description="The first item's cursor; null when the page is empty.")
    end_cursor: str | None = strawberry.field(
        description="The last item's cursor, for `after`; null when the page is empty."
    )


@strawberry.type(description="An item of a page, with its place.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(
        description="The item's place in this listing. Opaque; stays valid when items come and go."
    )
    node: T = strawberry.field(description="The item.")


@strawberry.type(description="A page of a listing.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The items of this page.")
    cursors: strawberry.Private[Sequence[str]]
    has_next: strawberry.Private[bool]
    has_previous: strawberry.Private[bool]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @resolved("Where the page stands.")
    def page_info(self) -> PageInfo:
        return page_info(self.cursors, has_next=self.has_next, has_previous=self.has_previous)

    @resolved("The items of this page with their cursors.")
    def edges(self) -> list[Edge[T]]:
        return [Edge(cursor=cursor, node=node) for cursor, node in zip(self.cursors, self.nodes, strict=True)]

    @resolved("How many items the whole listing has. Counted only when it is asked for.")
    async def total_count(self) -> int:
        return await self.count()


def page_request(first: int | None, after: str | None, default: int = 20) -> PageRequest:
    """Raises `BadRequest` unless `first` is 1 to 100. An explicit null means the default."""
    return PageRequest(first=check_first(default if first is None else first), after=after)


def page_info(cursors: Sequence[str], *, has_next: bool, has_previous: bool) -> PageInfo:
    return PageInfo(
        has_next_page=has_next,
        has_previous_page=has_previous,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def connection(page: Page[S], shown: Callable[[S], T], count: Callable[[], Awaitable[int]]) -> Connection[T]:
    return Connection(
        nodes=[shown(item) for item in page.items],
        cursors=page.cursors,
        has_next=page.has_next,
        has_previous=page.has_previous,
        count=count,
    )
