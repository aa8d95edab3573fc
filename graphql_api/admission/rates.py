"""How often a caller may ask: token buckets, as the HTTP fields of the IETF's draft on rate limits tell clients.

A bucket holds as many requests as its period allows, and fills evenly. Counted in one process: with several replicas each
has its own.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import NamedTuple

from engine.usecases.caller import Caller, Role
from graphql_api.transports.refusal import RequestRefused

RATE_LIMITED = "RATE_LIMITED"
REFUSED_COSTS = 10
"""As many requests a request counts that is refused before it is executed: of a document that is wrong nothing is remembered for
the next one, so it is the most work that a caller can make.
"""
_MOST_CALLERS = 10_000
_IPV6_NETWORK_BYTES = 8


class Rate(NamedTuple):
    """`requests` in every `seconds`."""

    requests: int
    seconds: int


FAILED_LOGINS = Rate(requests=30, seconds=10)
"""Of one address. Guessing 256 random bits is hopeless; this only keeps those who try from being much work."""


class Buckets:
    """One for each caller of a kind; who was not seen for longest is forgotten when there are too many."""

    def __init__(self, name: str, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._rate = rate
        self._clock = clock
        self._emptiness: OrderedDict[object, tuple[float, float]] = OrderedDict()
        """How many requests are missing from the full bucket, and when that was."""

    def take(self, who: object) -> dict[str, str]:
        """The fields of the response. Raises `RequestRefused` where the bucket is empty."""
        now = self._clock()
        missing, then = self._emptiness.get(who, (0.0, now))
        missing = self._missing(missing, now - then)
        allowed = missing + 1 <= self._rate.requests
        self._emptiness[who] = (missing + allowed, now)
        self._emptiness.move_to_end(who)
        if len(self._emptiness) > _MOST_CALLERS:
            self._emptiness.popitem(last=False)
        if allowed:
            return self._fields(missing + 1)
        raise self._refused(missing)

    def take_more(self, who: object, requests: int) -> dict[str, str]:
        """After `take`, for what turned out to be more work; no more than is left. The fields of the response."""
        now = self._clock()
        missing, then = self._emptiness.get(who, (0.0, now))
        missing = min(float(self._rate.requests), self._missing(missing, now - then) + requests)
        self._emptiness[who] = (missing, now)
        return self._fields(missing)

    def _missing(self, missing: float, seconds: float) -> float:
        return max(0.0, missing - seconds * self._rate.requests / self._rate.seconds)

    def _refused(self, missing: float) -> RequestRefused:
        wait = math.ceil((missing + 1 - self._rate.requests) * self._rate.seconds / self._rate.requests)
        message = f"More than {self._rate.requests:,} requests in {self._rate.seconds} s: try again in {wait} s"
        error = {"message": message, "extensions": {"code": RATE_LIMITED, "retryAfterSeconds": wait}}
        return RequestRefused([error], status=429, headers={"retry-after": str(wait), **self._fields(missing)})

    def _fields(self, missing: float) -> dict[str, str]:
        """`r` requests are left now, and all of them in `t` seconds."""
        left = max(0, math.floor(self._rate.requests - missing))
        full = math.ceil(missing * self._rate.seconds / self._rate.requests)
        return {
            "ratelimit-policy": f'"{self._name}";q={self._rate.requests};w={self._rate.seconds}',
            "ratelimit": f'"{self._name}";r={left};t={full}',
        }


class Rates:
    """Roles that `rates` does not name have no limit."""

    def __init__(
        self,
        rates: Mapping[Role, Rate] | None = None,
        failed_logins: Rate = FAILED_LOGINS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._by_role = {role: Buckets(role.value, rate, clock) for role, rate in (rates or {}).items()}
        self._strangers = Buckets("anonymous", failed_logins, clock)

    def take(self, caller: Caller) -> dict[str, str]:
        """The fields of the response. Raises `RequestRefused`."""
        buckets = self._by_role.get(caller.role)
        return buckets.take((caller.tenant, caller.principal)) if buckets else {}

    def take_refused(self, caller: Caller) -> dict[str, str]:
        """After `take`, for a request that was refused then. The fields of the response."""
        buckets = self._by_role.get(caller.role)
        return buckets.take_more((caller.tenant, caller.principal), REFUSED_COSTS - 1) if buckets else {}

    def take_stranger(self, address: str | None) -> None:
        """For a request of nobody known. Raises `RequestRefused`, which also closes the connection."""
        try:
            self._strangers.take(_network(address))
        except RequestRefused as refusal:
            raise RequestRefused(
                refusal.errors, status=refusal.status, headers={**refusal.headers, "connection": "close"}
            ) from None


def _network(address: str | None) -> object:
    """Who has one address of IPv6 has 2 to the 64 of them."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address
    return parsed if parsed.version == 4 else parsed.packed[:_IPV6_NETWORK_BYTES]  # noqa: PLR2004 # the version
