"""Types of every kind there is."""

import asyncio
from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Generic, NewType, TypeVar

import strawberry
from graphql import GraphQLError
from strawberry.dataloader import DataLoader
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from graphql_api.types.resolvers import read
from graphql_api.types.scalars import JSON

T = TypeVar("T")
Fussy = NewType("Fussy", object)


def write_fussy(value: Any) -> Any:
    """Nothing is written for 0."""
    if value == 13:
        raise ValueError("not that one")
    return None if value == 0 else value


FUSSY = strawberry.scalar(name="Fussy", serialize=write_fussy, parse_value=lambda value: value)


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = strawberry.enum_value("green", name="VERDANT")
    BLUE = "blue"


@strawberry.enum
class Size(Enum):
    SMALL = 1
    LARGE = (2, 3)


class Later:
    """What can be awaited any number of times, and need not be."""

    def __init__(self, value: Any, ticks: int) -> None:
        self._value, self._ticks = value, ticks

    def __repr__(self) -> str:
        return f"Later({self._value!r}, {self._ticks})"

    def __await__(self) -> Generator[Any, None, Any]:
        for _ in range(self._ticks):
            yield from asyncio.sleep(0).__await__()
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


class Context:
    """Of one execution."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self.batches: list[list[int]] = []
        self.doubles: DataLoader[int, int | ValueError] = DataLoader(self._doubled)

    async def _doubled(self, numbers: list[int]) -> list[int | ValueError]:
        self.batches.append(numbers)
        await asyncio.sleep(0)
        return [ValueError(f"{number} is odd") if number % 2 else 2 * number for number in numbers]


Info = strawberry.Info[Context, None]


class Never(BasePermission):
    message = "You may not"

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        del source, info
        return bool(kwargs.get("allowed"))


class Shouting(FieldExtension):
    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        return str(next_(source, info, **kwargs)).upper()


@strawberry.input
class Point:
    x: int
    y: int | None = 7
    tags: list[str] = strawberry.field(default_factory=lambda: ["a", "b"])
    at: datetime | None = None
    colour: Colour = Colour.RED
    inner: "Point | None" = None
    anything: JSON | None = None


@strawberry.input(one_of=True)
class Either:
    number: strawberry.Maybe[int]
    point: strawberry.Maybe[Point]


@strawberry.interface
class Thing:
    id: strawberry.ID
    name: str | None
    weight: float
    parent: "Thing | None"

    @strawberry.field
    def path(self, info: Info) -> str:
        return f"{info.path} {info.field_name} {info.python_name} {len(info.selected_fields)}"


@strawberry.type
class Values(Generic[T]):
    items: list[T]
    maybe: list[T | None] | None
    first: T | None

    @strawberry.field
    async def count(self) -> int:
        return len(self.items)


@strawberry.type
class Leaves:
    text: str
    maybe_text: str | None
    number: int
    maybe_number: int | None
    fraction: float
    maybe_fraction: float | None
    truth: bool
    maybe_truth: bool | None
    colour: Colour
    maybe_colour: Colour | None
    size: Size
    moment: datetime
    maybe_moment: datetime | None
    lasting: timedelta
    anything: JSON
    maybe_anything: JSON | None
    fussy: Fussy
    maybe_fussy: Fussy | None
    texts: list[str]
    rows: list[list[int | None] | None] | None
    colours: list[Colour]
    behind: strawberry.Private[Any]
    behind_colour: Colour | None = read("behind.inner.maybe_colour", "Two steps away.")
    behind_text: str = read("behind.inner.text", "The same two steps away.")
    behind_texts: list[str] | None = read("behind.texts", "One step away.")


@strawberry.type
class Animal(Thing):
    legs: int
    colour: Colour | None
    friends: list["Animal"]
    leaves: Leaves
    maybe_leaves: Leaves | None
    values: Values[int]

    @strawberry.field
    def sum(self, a: int, b: int | None = 3) -> int:
        return a + (b or 0) + self.legs

    @strawberry.field
    async def double(self, info: Info) -> int:
        return await info.context.doubles.load(self.legs)  # type: ignore[return-value]

    @strawberry.field
    def awaited_double(self, info: Info) -> int | None:
        return info.context.doubles.load(self.legs)  # type: ignore[return-value]


@strawberry.type
class Plant(Thing):
    height: float | None
    neighbours: list[Thing | None] | None
    anyone: "list[Found] | None"
    pairs: Values["Plant"]
    spare: strawberry.Private[Leaves]

    @strawberry.field
    async def leaves(self, ticks: int = 0) -> Leaves | None:
        for _ in range(ticks):
            await asyncio.sleep(0)
        if ticks > 2:
            raise GraphQLError("too late", extensions={"code": "LATE"})
        return self.spare

    @strawberry.field
    def next(root: Any) -> Thing:  # noqa: N805 # Strawberry's other name for it
        return root.parent  # type: ignore[no-any-return]


@strawberry.type
class Stone:
    hardness: int

    @strawberry.field
    def told(self, parent: strawberry.Parent[Any]) -> str:
        return f"{parent.hardness}"

    @classmethod
    def is_type_of(cls, value: Any, info: Any) -> bool:
        del info
        return isinstance(value, Stone) and value.hardness != 13


Found = Annotated[Animal | Plant | Stone, strawberry.union("Found")]
