"""How much one request may ask for, by the role of who asks."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from engine.usecases.caller import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All but `cost`, `seconds` and `body_bytes` are about the document alone. Tokens bound the work of parsing it,
    `characters`, `argument_tokens`, `fragments` and `comparisons` that of validating it (see `measures`), the others that of
    executing it. `fields` counts a fragment as often as it is spread, so that small documents cannot unfold into huge ones.
    The introspection query of common tools has a depth of 15.

    `cost` counts what is read, lists by their size: see `cost`. `seconds` bounds the execution of a query or a mutation,
    `body_bytes` what is read as JSON.
    """

    characters: int = 100_000
    tokens: int = 5_000
    argument_tokens: int = 1_500
    fragments: int = 100
    operations: int = 50
    root_fields: int = 50
    depth: int = 15
    fields: int = 2_000
    aliases: int = 100
    directives: int = 50
    comparisons: int = 10_000
    cost: int = 50_000
    seconds: int = 30
    connections: int = 1_000
    """Sockets and event streams that one caller may hold open in a process: see `places`."""
    response_bytes: int = 32 * 2**20
    """Of JSON values and long texts in one answer, or in one event of a subscription: see `room`."""
    body_bytes: int = 8 * 2**20
    introspection: bool = True
    """Whether `__schema` and `__type` may be asked, and errors may suggest names; `__typename` always may."""


RoleLimits = Mapping[Role, Limits]

DEFAULT_LIMITS: RoleLimits = {
    Role.ADMIN: Limits(),
    Role.EDITOR: Limits(
        characters=50_000,
        tokens=3_000,
        argument_tokens=1_000,
        root_fields=30,
        fields=1_000,
        comparisons=5_000,
        cost=25_000,
    ),
    Role.VIEWER: Limits(
        characters=20_000,
        tokens=2_000,
        argument_tokens=600,
        fragments=50,
        root_fields=20,
        fields=500,
        comparisons=2_500,
        cost=10_000,
        body_bytes=2**18,
        introspection=False,
    ),
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
