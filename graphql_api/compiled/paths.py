"""Where in a response a value stands.

A path is a pair of what is above and a key, so that a step down costs one small tuple; it becomes a list where an error
is reported.
"""

from typing import TypeAlias

Key: TypeAlias = str | int
Path: TypeAlias = tuple["Path", Key] | None
"""None is the root."""


def keys_of(path: Path) -> list[Key]:
    """From the root down."""
    keys: list[Key] = []
    while path is not None:
        path, key = path
        keys.append(key)
    keys.reverse()
    return keys


def without_indices(path: Path) -> Path:
    """The path of the field that a list, or an item of it, belongs to."""
    while path is not None and isinstance(path[1], int):
        path = path[0]
    return path
