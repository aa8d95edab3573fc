"""Keyset pagination: a cursor names the last item seen by its sort key and id, so inserts and deletes never shift a page."""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, overload

import msgspec
import orjson

from engine.domain.errors import BadRequest

MAX_FIRST = 100
_LARGEST = 2**31 - 1
"""Of what listings are numbered by: what GraphQL's Int holds."""
T = TypeVar("T")
U = TypeVar("U")


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    first: int
    after: str | None = None


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """`cursors` has one entry for each item."""

    items: Sequence[T]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool

    def map(self, change: Callable[[T], U]) -> "Page[U]":
        return Page(
            items=[change(item) for item in self.items],
            cursors=self.cursors,
            has_next=self.has_next,
            has_previous=self.has_previous,
        )


class Cursors(Sequence[str]):
    """Those of the items of a page, made when they are looked at: few lists show more than the first and the last. `key` gives
    what `encode_cursor` takes.
    """

    def __init__(self, scope: str, items: Sequence[T], key: Callable[[T], Sequence[Any]]) -> None:
        self._scope = scope
        self._items: Sequence[Any] = items
        self._key: Callable[[Any], Sequence[Any]] = key

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> "Cursors": ...

    def __getitem__(self, index: int | slice) -> "str | Cursors":
        if isinstance(index, slice):
            return Cursors(self._scope, self._items[index], self._key)
        return encode_cursor(self._scope, self._key(self._items[index]))


def check_first(first: int) -> int:
    if not 1 <= first <= MAX_FIRST:
        raise BadRequest(f"first must be between 1 and {MAX_FIRST}, not {first}", path=("first",))
    return first


def encode_cursor(scope: str, key: Sequence[Any]) -> str:
    """`scope` names the listing, so that a cursor of another one is refused."""
    parts = [int(part.timestamp() * 1_000_000) if isinstance(part, datetime) else part for part in key]
    return base64.urlsafe_b64encode(orjson.dumps([scope, *parts])).rstrip(b"=").decode()


def decode_cursor(scope: str, cursor: str, types: Sequence[type]) -> list[Any]:
    """The key that `encode_cursor` was given. Raises `BadRequest` for anything else."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = orjson.loads(raw)
    except ValueError as error:
        raise _refusal(cursor) from error
    if not isinstance(parts, list) or len(parts) != len(types) + 1 or parts[0] != scope:
        raise _refusal(cursor)
    return [_typed(part, wanted, cursor) for part, wanted in zip(parts[1:], types, strict=True)]


def _typed(part: Any, wanted: type, cursor: str) -> Any:
    if wanted is datetime and type(part) is int:
        try:
            return datetime.fromtimestamp(part // 1_000_000, UTC).replace(microsecond=part % 1_000_000)
        except (OverflowError, ValueError, OSError) as error:
            raise _refusal(cursor) from error
    if type(part) is not wanted or (isinstance(part, int) and not 0 <= part <= _LARGEST):
        raise _refusal(cursor)
    return part


def _refusal(cursor: str) -> BadRequest:
    return BadRequest(f"{cursor[:80]!r} is not a cursor of this listing", path=("after",))
