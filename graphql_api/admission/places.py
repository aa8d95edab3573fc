"""How many connections a caller may hold open: sockets, and responses that go on. Counted in one process, as rates are."""

from collections import Counter

from engine.domain.ids import TenantId
from engine.usecases.caller import Caller
from graphql_api.admission.limits import DEFAULT_LIMITS, RoleLimits
from graphql_api.transports.refusal import refuse

LIMIT_EXCEEDED = "LIMIT_EXCEEDED"

_Who = tuple[TenantId, str]


class Places:
    """`limits` say by role how many `connections` a caller has, however many tokens."""

    def __init__(self, limits: RoleLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._taken: Counter[_Who] = Counter()

    def take(self, caller: Caller) -> "Place":
        """Raises `RequestRefused`."""
        who = (caller.tenant, caller.principal)
        most = self._limits[caller.role].connections
        if self._taken[who] >= most:
            raise refuse(429, LIMIT_EXCEEDED, f"At most {most:,} sockets and event streams at a time for one caller")
        self._taken[who] += 1
        return Place(self._taken, who)


class Place:
    """Of one connection."""

    __slots__ = ("_taken", "_who")

    def __init__(self, taken: "Counter[_Who]", who: _Who) -> None:
        self._taken = taken
        self._who = who

    def leave(self) -> None:
        """Once."""
        self._taken[self._who] -= 1
        if not self._taken[self._who]:
            del self._taken[self._who]
