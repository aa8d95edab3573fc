"""A schema with every construct there is, over data that is often wrong: null where it must not be, of another type, an
exception, something to wait for.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from random import Random
from typing import Annotated, Any, Generic, NewType, TypeVar

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.dataloader import DataLoader
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from graphql_api.types.scalars import JSON, SCALARS

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

    @strawberry.field
    async def leaves(self, ticks: int = 0) -> Leaves | None:
        for _ in range(ticks):
            await asyncio.sleep(0)
        if ticks > 2:
            raise GraphQLError("too late", extensions={"code": "LATE"})
        return leaves(Random(ticks))

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


# ---------------------------------------------------------------- data

_BAD: list[Callable[[Random], Any]] = [
    lambda _: None,
    lambda random: ValueError(f"bad {random.randrange(3)}"),
    lambda random: GraphQLError("bad", extensions={"n": random.randrange(3)}),
    lambda random: Later(random.choice([None, 1, "later", ValueError("late")]), random.randrange(4)),
    lambda _: object,
    lambda _: float("nan"),
    lambda _: 2**40,
    lambda _: "text",
    lambda _: {"of": [1, {"any": None}]},
    lambda _: True,
    lambda _: [],
    lambda _: 0,
    lambda _: 13,
]


class _Data:
    """`wrong` is the share of values that are."""

    def __init__(self, random: Random, wrong: float) -> None:
        self._random, self._wrong = random, wrong

    def __call__(self, good: Callable[[], Any]) -> Any:
        roll = self._random.random()
        if roll < self._wrong:
            return self._random.choice(_BAD)(self._random)
        value = good()
        return Later(value, self._random.randrange(3)) if roll < 2 * self._wrong else value

    def maybe(self, good: Callable[[], Any]) -> Any:
        return self(lambda: None if self._random.random() < 0.2 else good())


def query_root(seed: int, *, wrong: float) -> Query:
    random = Random(seed)
    data = _Data(random, wrong)

    def some(make: Callable[..., Any]) -> list[Any]:
        return [data(lambda: make(random, 2, wrong)) for _ in range(random.randrange(4))]

    return Query(
        things=data(lambda: some(thing)),
        maybe_things=data.maybe(lambda: some(thing)),
        found=data(lambda: some(anything)),
        one=data.maybe(lambda: thing(random, 3, wrong)),
        leaves=data(lambda: leaves(random, wrong)),
    )


def thing(random: Random, depth: int, wrong: float = 0) -> Thing:
    return random.choice((animal, plant))(random, depth, wrong)


def anything(random: Random, depth: int, wrong: float = 0) -> Any:
    return random.choice((animal, plant, lambda *_: Stone(hardness=random.choice((1, 2, 13)))))(random, depth, wrong)


def animal(random: Random, depth: int, wrong: float = 0) -> Animal:
    data, below = _Data(random, wrong), depth - 1
    return Animal(
        id=data(lambda: strawberry.ID(f"a{random.randrange(9)}")),
        name=data.maybe(lambda: "animal"),
        weight=data(random.random),
        parent=data.maybe(lambda: thing(random, below, wrong)) if depth else None,
        legs=data(lambda: random.randrange(9)),
        colour=data.maybe(lambda: random.choice(list(Colour))),
        friends=data(lambda: [data(lambda: animal(random, below, wrong)) for _ in range(2 if depth > 0 else 0)]),
        leaves=data(lambda: leaves(random, wrong)),
        maybe_leaves=data.maybe(lambda: leaves(random, wrong)),
        values=data(lambda: Values(items=data(lambda: [1, data(lambda: 2)]), maybe=data(lambda: [None, 3]), first=4)),
    )


def plant(random: Random, depth: int, wrong: float = 0) -> Plant:
    data, below = _Data(random, wrong), depth - 1
    made: Plant = Plant(
        id=data(lambda: strawberry.ID(f"p{random.randrange(9)}")),
        name=data.maybe(lambda: "plant"),
        weight=data(random.random),
        parent=data.maybe(lambda: thing(random, below, wrong)) if depth > 0 else None,
        height=data.maybe(random.random),
        neighbours=data.maybe(lambda: [data.maybe(lambda: thing(random, below, wrong)) for _ in range(max(depth, 0))]),
        anyone=data.maybe(lambda: [data(lambda: anything(random, below, wrong)) for _ in range(max(depth, 0))]),
        pairs=None,  # type: ignore[arg-type]
    )
    made.pairs = data(
        lambda: Values(items=data(lambda: [made] if depth > 0 else []), maybe=data(lambda: None), first=made)
    )
    return made


def leaves(random: Random, wrong: float = 0) -> Leaves:
    data = _Data(random, wrong)
    moments = [
        datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
        datetime(2026, 1, 31, 9, 30, 0, 120, tzinfo=UTC),
        datetime(2026, 1, 31, 9, 30, 0, 999999, tzinfo=timezone(timedelta(hours=2))),
        datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    ]
    return Leaves(
        text=data(lambda: random.choice(("", "é\ud800", "text", "\x00"))),
        maybe_text=data.maybe(lambda: "text"),
        number=data(lambda: random.choice((0, -(2**31), 2**31 - 1, 2**31))),
        maybe_number=data.maybe(lambda: 5),
        fraction=data(lambda: random.choice((0.0, 1.5, 3, float("inf"), 1e300))),
        maybe_fraction=data.maybe(lambda: -0.0),
        truth=data(lambda: random.random() < 0.5),
        maybe_truth=data.maybe(lambda: False),
        colour=data(lambda: random.choice((Colour.RED, Colour.GREEN, "blue"))),
        maybe_colour=data.maybe(lambda: Colour.GREEN),
        size=data(lambda: random.choice(list(Size))),
        moment=data(lambda: random.choice(moments)),
        maybe_moment=data.maybe(lambda: random.choice(moments)),
        lasting=data(lambda: timedelta(seconds=random.randrange(99))),
        anything=data(lambda: random.choice(([1, {"a": None}], {}, "x", 1, 2**70, 0.5, False))),
        maybe_anything=data.maybe(lambda: {"a": [1]}),
        fussy=data(lambda: random.choice((0, 1, 13, "x"))),
        maybe_fussy=data.maybe(lambda: random.choice((0, 1, 13, Later(5, 1)))),
        texts=data(lambda: [data(lambda: "a"), data(lambda: "b")]),
        rows=data.maybe(lambda: [data.maybe(lambda: [1, data.maybe(lambda: 2)]), [3]]),
        colours=data(lambda: (Colour.RED, data(lambda: Colour.BLUE))),
    )
