"""Outcomes of simulations, for people."""

from collections import Counter
from collections.abc import Sequence

from tests.chaos.faults import Fault
from tests.chaos.simulation import Outcome

SHOWN = 60


def failure_of(outcome: Outcome) -> str:
    """What was violated, the last that happened, and how to see it again."""
    violations = "\n".join(f"  {violation}" for violation in outcome.violations[:10])
    trace = "\n".join(outcome.trace[-SHOWN:])
    return f'seed {outcome.seed}:\n{violations}\n{trace}\nagain: make chaos ARGS="--seed {outcome.seed}"\n'


def table_of(outcomes: Sequence[Outcome]) -> str:
    """Sums over all of them."""
    statuses: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for outcome in outcomes:
        statuses.update(outcome.statuses)
        faults.update(outcome.faults)
    rows = [
        ("executions", sum(statuses.values())),
        *((f"  {status}", count) for status, count in sorted(statuses.items())),
        ("commits", sum(outcome.commits for outcome in outcomes)),
        ("function calls", sum(outcome.calls for outcome in outcomes)),
        ("simulated seconds", round(sum(outcome.seconds for outcome in outcomes))),
        ("faults", sum(faults.values())),
        *((f"  {fault}", faults[fault]) for fault in Fault),
    ]
    return "\n".join(f"{name:<36}{count:>12,}" for name, count in rows)
