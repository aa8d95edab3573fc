"""Counters of this process, in the text format of Prometheus."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from engine.usecases.services import Services


class Gauge(NamedTuple):
    """A value that is read when it is asked for."""

    name: str
    help: str
    read: Callable[[], float]


class Metrics:
    """Counts operations by kind and outcome, and the streams that are open; `gauges` are others' values."""

    def __init__(self, services: Services, gauges: Sequence[Gauge] = ()) -> None:
        self._services = services
        self._gauges = gauges
        self._operations: Counter[tuple[str, str]] = Counter()
        self._executions: Counter[str] = Counter()
        self._streams = 0
        self._events = 0

    def count(self, kind: str, outcome: str) -> None:
        """`kind` is query, mutation, subscription or request; `outcome` is ok, error or refused."""
        self._operations[kind, outcome] += 1

    def executed(self, left_to_core: str | None) -> None:
        """An operation, or an event of a subscription: by what was compiled, or by graphql-core, and why that."""
        self._executions[left_to_core or ""] += 1

    def stream_opened(self) -> None:
        self._streams += 1

    def stream_ended(self) -> None:
        self._streams -= 1

    def event_executed(self) -> None:
        self._events += 1

    def exposition(self) -> str:
        return "".join(f"{line}\n" for line in self._lines(self._services.clock()))

    def _lines(self, now: datetime) -> Iterator[str]:
        yield "# HELP weft_info The version of Weft."
        yield "# TYPE weft_info gauge"
        yield f'weft_info{{version="{self._services.version}"}} 1'
        yield "# HELP weft_uptime_seconds Time since this process began."
        yield "# TYPE weft_uptime_seconds gauge"
        yield f"weft_uptime_seconds {(now - self._services.started_at).total_seconds():.3f}"
        yield "# HELP weft_graphql_operations_total GraphQL operations by kind and outcome."
        yield "# TYPE weft_graphql_operations_total counter"
        for (kind, outcome), count in sorted(self._operations.items()):
            yield f'weft_graphql_operations_total{{kind="{kind}",outcome="{outcome}"}} {count}'
        yield "# HELP weft_graphql_executions_total Operations and events by what executed them, and why it was not compiled code."
        yield "# TYPE weft_graphql_executions_total counter"
        for reason, count in sorted(self._executions.items()):
            by = "graphql-core" if reason else "compiled"
            yield f'weft_graphql_executions_total{{by="{by}",reason="{reason}"}} {count}'
        yield "# HELP weft_graphql_subscriptions Subscriptions that are open."
        yield "# TYPE weft_graphql_subscriptions gauge"
        yield f"weft_graphql_subscriptions {self._streams}"
        yield "# HELP weft_graphql_subscription_events_total Events that were executed and encoded, however many got them."
        yield "# TYPE weft_graphql_subscription_events_total counter"
        yield f"weft_graphql_subscription_events_total {self._events}"
        for gauge in self._gauges:
            yield f"# HELP {gauge.name} {gauge.help}"
            yield f"# TYPE {gauge.name} gauge"
            yield f"{gauge.name} {gauge.read():g}"
