"""How large a rendered value may become.

A template does not copy what it names. So one of some kilobytes that names a large value often enough stands for gigabytes
of JSON, and a chain of steps in which each names the one before twice doubles it with every step.
"""

from typing import Any

import msgspec

from engine.domain.json_values import MAX_DEPTH, depth_of

LARGEST = 16 * 1024 * 1024
"""Bytes of JSON, all values that one template names taken together; as much as one output may have."""
_SHORT = 1_000


class NoRoom(Exception):
    """The message says which bound was passed."""


class Room:
    """What is left for one rendered value."""

    __slots__ = ("_left", "_measured")

    def __init__(self) -> None:
        self._left = LARGEST
        self._measured: dict[int, tuple[Any, int, int]] = {}

    def take(self, value: Any, level: int) -> None:
        """`value` stands that many levels deep in the whole. Raises `NoRoom`."""
        if isinstance(value, str):
            size = len(value) if len(value) < _SHORT else len(value.encode("utf-8", "surrogatepass"))
        elif isinstance(value, dict | list):
            depth, size = self._extent(value)
            if level + depth > MAX_DEPTH:
                raise NoRoom(f"the rendered value is nested more than {MAX_DEPTH} levels deep")
        else:
            return
        self._left -= size
        if self._left < 0:
            raise NoRoom(f"the rendered value has more than {LARGEST:,} bytes")

    def _extent(self, value: Any) -> tuple[int, int]:
        """Depth and size. What is named again is not measured again. A value of this depth can be encoded."""
        known = self._measured.get(id(value))
        if known is None:
            depth = depth_of(value)
            size = len(msgspec.json.encode(value)) if depth <= MAX_DEPTH else 0
            known = self._measured[id(value)] = (value, depth, size)
        return known[1:]
