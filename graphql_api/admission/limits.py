"""How much one request may ask for, by the role of who asks."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.usecases.caller import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All but `cost` are about the document alone. Tokens bound the work of parsing it, `comparisons` that of validating
    it (see `measures`), the others that of executing it. `fields` counts a fragment as often as it is spread, so that
    small documents cannot unfold into huge ones. The introspection query of common tools has a depth of 15.

    `cost` counts what is read, lists by their size: see `cost`. `seconds` bounds the execution of a query or a mutation.
    """

    characters: int = 100_000
    tokens: int = 5_000
    operations: int = 50
    root_fields: int = 50
    depth: int = 15
    fields: int = 2_000
    aliases: int = 100
    directives: int = 50
    comparisons: int = 10_000
    cost: int = 50_000
    seconds: int = 30
    response_bytes: int = 32 * 2**20
    """Of JSON values and long texts in one answer, or in one event of a subscription: see `room`."""
    introspection: bool = True
    """Whether `__schema` and `__type` may be asked, and errors may suggest names; `__typename` always may."""


RoleLimits = Mapping[Role, Limits]

DEFAULT_LIMITS: RoleLimits = {
    Role.ADMIN: Limits(),
    Role.EDITOR: Limits(tokens=3_000, root_fields=30, fields=1_000, cost=25_000),
    Role.VIEWER: Limits(tokens=2_000, root_fields=20, fields=500, cost=10_000, introspection=False),
}

LIMIT_NAMES = tuple(each.name for each in fields(Limits) if each.name != "introspection")


def changed(
    limits: RoleLimits, changes: Mapping[str, Mapping[str, int]], introspection: frozenset[str] | None = None
) -> RoleLimits:
    """`changes` are values by role and name of the limit. Roles in `introspection` may introspect, others may not; None
    leaves that as it is.
    """
    merged = {role: _replaced(each, changes.get(role, {})) for role, each in limits.items()}
    if introspection is None:
        return merged
    return {role: replace(each, introspection=role in introspection) for role, each in merged.items()}


def _replaced(limits: Limits, changes: Mapping[str, int]) -> Limits:
    given: dict[str, Any] = dict(changes)
    return replace(limits, **given)
