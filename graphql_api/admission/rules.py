"""What the operator decides about requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.usecases.caller import Role
from graphql_api.admission.limits import DEFAULT_LIMITS, RoleLimits
from graphql_api.admission.rates import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`trusted` are documents by id, and roles in `only_trusted` may execute these alone. Web pages of `origins` may use the
    API, and pages of others then may not.
    """

    limits: RoleLimits = field(default_factory=lambda: DEFAULT_LIMITS)
    rates: Mapping[Role, Rate] = field(default_factory=dict)
    trusted: Mapping[str, str] = field(default_factory=dict)
    only_trusted: frozenset[Role] = frozenset()
    origins: tuple[str, ...] = ()
