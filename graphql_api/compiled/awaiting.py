"""What can be awaited, and how graphql-core awaits several at a time: the loaders batch what is asked in one turn of the
event loop, so these must be the same turns.
"""

from collections.abc import Awaitable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeGuard
from uuid import UUID

from graphql.pyutils import gather_with_cancel
from graphql.pyutils import is_awaitable as has_await

PLAIN = frozenset({str, int, float, bool, dict, list, tuple, datetime, date, timedelta, Decimal, UUID})
"""Values of exactly these classes are neither awaitable nor null nor exceptions."""
SETTLED = PLAIN | {type(None)}

Waits = dict[str, Awaitable[Any]]


def is_awaitable(value: Any) -> TypeGuard[Awaitable[Any]]:
    return value.__class__ not in SETTLED and has_await(value)


def noted(waits: Waits | None, key: str, awaitable: Awaitable[Any]) -> Waits:
    if waits is None:
        return {key: awaitable}
    waits[key] = awaitable
    return waits


async def settled(result: dict[str, Any], waits: Waits) -> dict[str, Any]:
    """The object, once the fields that `waits` names have their values."""
    if len(waits) == 1:
        ((key, awaitable),) = waits.items()
        result[key] = await awaitable
    else:
        result.update(zip(waits, await gather_with_cancel(*waits.values()), strict=True))
    return result
