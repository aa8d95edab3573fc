"""User code at its worst: what it may raise, and what it may return."""

from collections.abc import Callable
from typing import Any

from langgraph.types import interrupt

from weft import function


class Unprintable(Exception):  # the name is what tests look for
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def _recurse() -> int:
    return 1 + _recurse()


RAISED: dict[str, Callable[[], BaseException]] = {
    "system_exit": lambda: SystemExit(3),
    "keyboard_interrupt": KeyboardInterrupt,
    "base_exception": BaseException,
    "generator_exit": GeneratorExit,
    "memory_error": MemoryError,
    "unprintable": Unprintable,
    "exception_group": lambda: ExceptionGroup("two", [ValueError("a"), TypeError("b")]),
    "value_error": lambda: ValueError("a\0b\ud800c" + "x" * 1_000_000),
}
"""By the code of the failure that it becomes."""


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _circular() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


RETURNED: dict[str, Callable[[], Any]] = {
    "nan": lambda: float("nan"),
    "deep": lambda: _nested(5_000),
    "circular": _circular,
    "surrogate": lambda: "\ud800",
    "object": object,
    "wide": lambda: 2**64,
    "large": lambda: "x" * (16 * 1024 * 1024),
}


@function(name="odd.raises")
async def raises(what: str) -> None:
    error = RAISED[what]()
    raise error


@function(name="odd.raises_in_thread")
def raises_in_thread(what: str) -> None:
    error = RAISED[what]()
    raise error


@function(name="odd.recurses")
async def recurses() -> int:
    return _recurse()


@function(name="odd.returns")
async def returns(what: str) -> Any:
    return RETURNED[what]()


@function(name="odd.asks")
async def asks(size: int) -> Any:
    return interrupt({"prompt": "?", "context": "x" * size})
