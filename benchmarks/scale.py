"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """`rounds` alternate between the sides; results are medians over them."""

    rounds: int
    executions: int
    """In a round of the throughput measures."""
    in_flight: int = 16
    alone: int
    """Executions in a round that run one at a time."""
    stored: int
    """Executions in the large store whose listing is compared with that of a small one."""
    stored_few: int = 300
    listings: int
    """In a round, in process."""
    requests: int
    """In a round, over HTTP, and as many to the plain route."""
    chain: int
    map_items: int
    held: int
    """Executions after which the memory of a server is measured again."""
    event_rounds: int
    """Executions whose events are timed, at one subscriber and at many."""
    fanout_events: int
    """In a round, to 200 sockets."""
    schedules: int
    """That fire within one minute."""
    idle_subscribers: int
    idle_seconds: float
    """In which the reads of idle processes are counted: a multiple of the ten seconds after which workers say that they are there."""


FULL = Scale(
    rounds=7,
    executions=300,
    alone=40,
    stored=100_000,
    listings=100,
    requests=1_000,
    chain=500,
    map_items=1_000,
    held=10_000,
    event_rounds=100,
    fanout_events=200,
    schedules=10_000,
    idle_subscribers=10_000,
    idle_seconds=60,
)
QUICK = Scale(
    rounds=3,
    executions=100,
    alone=15,
    stored=10_000,
    listings=40,
    requests=500,
    chain=200,
    map_items=300,
    held=1_000,
    event_rounds=30,
    fanout_events=50,
    schedules=1_000,
    idle_subscribers=1_000,
    idle_seconds=20,
)
