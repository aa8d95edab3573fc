"""A schema with every construct there is, over data that is often wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from random import Random
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from graphql_api.types.scalars import JSON, SCALARS
from tests.compiled.synthetic_data import Data, animal, anything, leaves, plant, thing
from tests.compiled.synthetic_types import (
    FUSSY,
    Animal,
    Context,
    Either,
    Found,
    Fussy,
    Info,
    Later,
    Leaves,
    Never,
    Plant,
    Point,
    Shouting,
    Size,
    Thing,
)

__all__ = ["Context", "query_root", "synthetic_schema"]


async def stream_of(values: list[Any]) -> AsyncIterator[Any]:
    for value in values:
        await asyncio.sleep(0)
        if isinstance(value, ValueError):
            raise value
        yield value


@strawberry.type
class Query:
    things: list[Thing]
    maybe_things: list[Thing | None] | None
    found: list[Found | None]
    one: Thing | None
    leaves: Leaves

    @strawberry.field
    async def animal(self, legs: int | None = None) -> Animal | None:
        return animal(Random(legs or 0), 2)

    @strawberry.field
    def plants(self, count: int = 2) -> list[Plant]:
        return [plant(Random(n), 2) for n in range(count)]

    @strawberry.field
    def streamed(self) -> list[int | None]:
        return stream_of([1, 2, Later(3, 1), "x", None])  # type: ignore[return-value]

    @strawberry.field
    def broken_stream(self) -> list[int]:
        return stream_of([1, Later(2, 2), ValueError("broken")])  # type: ignore[return-value]

    @strawberry.field
    def generated(self, fails: bool = False) -> list[int] | None:  # noqa: FBT001, FBT002
        def generate() -> Iterator[Any]:
            yield 1
            yield Later(2, 1)
            if fails:
                raise KeyError("generated")
            yield "3"

        return generate()  # type: ignore[return-value]

    @strawberry.field
    def point(self, given: Point, also: list[Point] | None = None) -> str:
        given.tags.append("mine")
        return f"{given} {also}"

    @strawberry.field
    def either(self, given: Either) -> str:
        return f"{given}"

    @strawberry.field
    def echo(
        self,
        *,
        anything: JSON | None = None,
        ids: list[strawberry.ID | None] | None = None,
        size: Size = Size.SMALL,
        moment: datetime | None = None,
    ) -> JSON:
        if isinstance(anything, list):
            anything.append("mine")
        return JSON([anything, ids, str(size), None if moment is None else moment.isoformat()])

    @strawberry.field
    def number(self, value: Annotated[int, strawberry.argument(name="class")] = 1) -> int | None:
        if value % 5 == 0:
            raise ValueError(f"not {value}")
        return GraphQLError("as a value") if value % 7 == 0 else value  # type: ignore[return-value]

    @strawberry.field(permission_classes=[Never])  # type: ignore[untyped-decorator]
    def guarded(self, allowed: bool = False) -> str | None:  # noqa: FBT001, FBT002
        return f"in {allowed}"

    @strawberry.field(extensions=[Shouting()])  # type: ignore[untyped-decorator]
    def shouted(self, text: str = "hello") -> str:
        return text

    @strawberry.field
    @staticmethod
    def still(n: int = 1) -> int:
        return n

    @strawberry.field
    def asked(self, info: Info) -> str:
        values = info.variable_values
        return f"{sorted(values)} {info.operation.operation} {info.return_type} {info.root_value is None} {info.query}"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def change(self, info: Info, to: str, ticks: int = 1) -> list[str]:
        for _ in range(ticks):
            await asyncio.sleep(0)
        info.context.changes.append(to)
        return list(info.context.changes)

    @strawberry.mutation
    def change_now(self, info: Info, to: str) -> list[str] | None:
        info.context.changes.append(to)
        if to == "z":
            raise ValueError("z")
        return list(info.context.changes)

    @strawberry.mutation
    async def break_it(self) -> Animal:
        raise ValueError("broken")


def synthetic_schema() -> GraphQLSchema:
    scalars = {**SCALARS, Fussy: FUSSY}
    schema = strawberry.Schema(
        query=Query, mutation=Mutation, types=[Animal, Plant], config=StrawberryConfig(scalar_map=scalars)
    )
    return schema._schema


def query_root(seed: int, *, wrong: float) -> Query:
    random = Random(seed)
    data = Data(random, wrong)

    def some(make: Callable[..., Any]) -> list[Any]:
        return [data(lambda: make(random, 2, wrong)) for _ in range(random.randrange(4))]

    return Query(
        things=data(lambda: some(thing)),
        maybe_things=data.maybe(lambda: some(thing)),
        found=data(lambda: some(anything)),
        one=data.maybe(lambda: thing(random, 3, wrong)),
        leaves=data(lambda: leaves(random, wrong)),
    )
