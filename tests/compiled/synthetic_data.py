"""Data for the synthetic schema, a share of it wrong: null where it must not be, of another type, an exception, something to
wait for.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from types import SimpleNamespace
from typing import Any

import strawberry
from graphql import GraphQLError

from tests.compiled.synthetic_types import Animal, Colour, Later, Leaves, Plant, Size, Stone, Thing, Values

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


class Data:
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


def thing(random: Random, depth: int, wrong: float = 0) -> Thing:
    return random.choice((animal, plant))(random, depth, wrong)


def anything(random: Random, depth: int, wrong: float = 0) -> Any:
    return random.choice((animal, plant, lambda *_: Stone(hardness=random.choice((1, 2, 13)))))(random, depth, wrong)


def animal(random: Random, depth: int, wrong: float = 0) -> Animal:
    data, below = Data(random, wrong), depth - 1
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
    data, below = Data(random, wrong), depth - 1
    made: Plant = Plant(
        id=data(lambda: strawberry.ID(f"p{random.randrange(9)}")),
        name=data.maybe(lambda: "plant"),
        weight=data(random.random),
        parent=data.maybe(lambda: thing(random, below, wrong)) if depth > 0 else None,
        height=data.maybe(random.random),
        neighbours=data.maybe(lambda: [data.maybe(lambda: thing(random, below, wrong)) for _ in range(max(depth, 0))]),
        anyone=data.maybe(lambda: [data(lambda: anything(random, below, wrong)) for _ in range(max(depth, 0))]),
        pairs=None,  # type: ignore[arg-type]
        spare=leaves(random),
    )
    made.pairs = data(
        lambda: Values(items=data(lambda: [made] if depth > 0 else []), maybe=data(lambda: None), first=made)
    )
    return made


def leaves(random: Random, wrong: float = 0) -> Leaves:
    data = Data(random, wrong)
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
        behind=SimpleNamespace(
            inner=data(
                lambda: SimpleNamespace(maybe_colour=data.maybe(lambda: Colour.BLUE), text=data(lambda: "behind"))
            ),
            texts=data.maybe(lambda: [data(lambda: "far")]),
        ),
    )
