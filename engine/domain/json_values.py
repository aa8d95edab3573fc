"""What a JSON value may hold: bounded depth, text that stores and encoders take, numbers that clients can read."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from engine.domain.errors import Path, Problem

MAX_DEPTH = 200
"""Levels of nesting. Encoders and validators recurse; this keeps all of them far from Python's limit."""
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_MOST_PROBLEMS = 50


def json_problems(value: Any, path: Path = ()) -> list[Problem]:
    """What makes `value` unfit to be stored: nested too deep, NUL or lone surrogates in a string or key, numbers that
    are not finite or wider than 64 bits, keys that are not text. At most 50 problems; never recurses.
    """
    if _is_fit(value):
        return []
    problems = []
    for problem in _problems(value, path):
        problems.append(problem)
        if len(problems) == _MOST_PROBLEMS:
            break
    return problems


def depth_of(value: Any) -> int:
    """How many levels of lists and objects with something in them; counts to `MAX_DEPTH` + 1. Never recurses."""
    level = [value]
    for depth in range(MAX_DEPTH + 1):
        level = [child for item in level if isinstance(item, dict | list | tuple) for child in _children(item)]
        if not level:
            return depth
    return MAX_DEPTH + 1


def depth_problem(value: Any, path: Path = ()) -> Problem | None:
    """Whether `value` is nested more than `MAX_DEPTH` levels deep."""
    return _too_deep(path) if depth_of(value) > MAX_DEPTH else None


def text_problem(text: str, path: Path = ()) -> Problem | None:
    """Whether a string holds what JSON encoders or stores cannot take."""
    if "\0" in text:
        return Problem(message=f"the text holds a NUL character at position {text.index(chr(0))}", path=path)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return Problem(message=f"the text holds a lone surrogate at position {error.start}", path=path)
    return None


def strings_in(value: Any) -> Iterator[tuple[Path, str]]:
    """Every string of a JSON value with its path, in order; keys are not looked at. Never recurses."""
    pending: list[tuple[Path, Any]] = [((), value)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, dict):
            pending += [((*path, str(key)), item[key]) for key in reversed(item)]
        elif isinstance(item, list | tuple):
            pending += [((*path, str(index)), item[index]) for index in range(len(item) - 1, -1, -1)]


def _is_fit(value: Any) -> bool:
    """Without the paths, which take most of the time; what is unusual is left to a closer look."""
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for holder in level:
            if holder.__class__ is dict and not all(map(_is_plain, holder)):
                return False
            for item in _children(holder):
                if item.__class__ is dict or item.__class__ is list:
                    if item:
                        below.append(item)
                elif _scalar_problem(item, ()) is not None:
                    return False
        if not below:
            return True
        level = below
    return False


def _is_plain(key: Any) -> bool:
    return isinstance(key, str) and key.isascii() and "\0" not in key


def _problems(value: Any, path: Path) -> Iterator[Problem]:
    pending: list[tuple[Path, int, Any]] = [(path, 0, value)]
    while pending:
        where, depth, item = pending.pop()
        if isinstance(item, dict | list | tuple):
            if depth >= MAX_DEPTH and item:
                yield _too_deep(path)
                return
            if isinstance(item, dict):
                yield from _key_problems(item, where)
                pending.extend(((*where, _segment(key)), depth + 1, child) for key, child in reversed(item.items()))
            else:
                pending.extend(((*where, str(n)), depth + 1, item[n]) for n in range(len(item) - 1, -1, -1))
        elif (problem := _scalar_problem(item, where)) is not None:
            yield problem


def _key_problems(item: dict[Any, Any], where: Path) -> Iterator[Problem]:
    for key in item:
        if not isinstance(key, str):
            yield Problem(message=f"the key {key!r} is not text", path=where)
        elif (problem := text_problem(key, where)) is not None:
            yield Problem(message=f"in a key, {problem.message}", path=where)


def _scalar_problem(item: Any, where: Path) -> Problem | None:
    if isinstance(item, str):
        return text_problem(item, where)
    if isinstance(item, float) and not isfinite(item):
        return Problem(message=f"{item} is not a JSON number", path=where)
    if isinstance(item, int) and not _SMALLEST <= item <= _LARGEST:
        return Problem(message="the number is wider than 64 bits: send it as text", path=where)
    if item is not None and not isinstance(item, str | int | float):
        return Problem(message=f"a value of type {type(item).__name__} is not JSON", path=where)
    return None


def _segment(key: Any) -> str:
    """A path has to be sent to the client, whatever the key holds."""
    return str(key).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _children(item: Any) -> Any:
    return item.values() if isinstance(item, dict) else item


def _too_deep(path: Path) -> Problem:
    return Problem(message=f"the value is nested more than {MAX_DEPTH} levels deep", path=path)
