"""How many bytes of JSON values and long texts an operation may answer with, or an event of a subscription.

What is selected under ninety names is the same object ninety times, and takes no memory before the answer is written. So
values are counted where they are completed, and the answer of what has no room is never written.
"""

import json
from contextvars import ContextVar
from typing import Any, Self

import orjson
from graphql import GraphQLError

from engine.domain.errors import PayloadTooLarge

LONG = 1_000
"""Characters from which a text counts; shorter ones are bounded by the cost of the operation."""
_REMEMBERED = 4_096
"""Bytes from which the size of a value is remembered: counting smaller ones again is quicker."""


class Room:
    """Of what is executed while it is entered, in tasks that begin there as well. After the first value for which it has no room
    it is `exceeded`: whoever reads values then reads no more, and `False` stands for each of them until the answer is
    replaced by `refusal`.
    """

    __slots__ = ("_asked", "_entered", "_known", "_limit", "_taken", "exceeded")

    def __init__(self, limit: int) -> None:
        self.exceeded = False
        self._limit = limit
        self._taken = 0
        self._asked = 0
        self._known: dict[int, tuple[Any, int]] = {}
        """By id; a value is kept so that its id is not another's later."""

    def __enter__(self) -> Self:
        self._entered = _room.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _room.reset(self._entered)

    def take(self, value: Any) -> Any:
        """The value itself, or what stands for it."""
        if not self.exceeded:
            self._taken += self._size(value)
            if self._taken <= self._limit:
                return value
            self._exceed()
        return False

    def may_read(self, size: int) -> bool:
        """Before a value of a known size is read from the store: each reading makes another object."""
        self._asked += size
        if self._asked > self._limit:
            self._exceed()
        return not self.exceeded

    def refusal(self, *, of_mutation: bool) -> GraphQLError:
        message = (
            f"The answer would have more than {self._limit:,} bytes of values: ask for smaller pages or fewer fields, or for "
            f"large values one by one{'; the mutation may have been carried out' if of_mutation else ''}"
        )
        return GraphQLError(message, original_error=PayloadTooLarge(message))

    def _size(self, value: Any) -> int:
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        size = _size_of(value)
        if size >= _REMEMBERED:
            self._known[id(value)] = (value, size)
        return size

    def _exceed(self) -> None:
        self.exceeded = True
        self._known.clear()


_room: ContextVar[Room | None] = ContextVar("room", default=None)
"""Of the operation that is executed: a scalar is given its value and nothing else."""


def counted(value: Any) -> Any:
    """The value as it goes into the answer."""
    room = _room.get()
    return value if room is None else room.take(value)


def may_read(size: int) -> bool:
    """See `Room.may_read`."""
    room = _room.get()
    return room is None or room.may_read(size)


def is_full() -> bool:
    """Whether the answer of the operation that is executed will be replaced."""
    room = _room.get()
    return room is not None and room.exceeded


def _size_of(value: Any) -> int:
    try:
        return len(orjson.dumps(value))
    except TypeError:  # what orjson does not write, the answer has written slowly: see `write_json`
        return len(json.dumps(value, default=str))
