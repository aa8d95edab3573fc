"""Real engines under simulated failures: a short form of `make chaos`, which runs thousands of seeds."""

from collections import Counter

import pytest

from tests.chaos.faults import Fault
from tests.chaos.report import failure_of
from tests.chaos.simulation import Outcome, simulate, succeeded

SEEDS = range(120)
_PARTS = 12
LEAST_SUCCEEDED = 0.4
"""Of all executions: many fail on purpose, are cancelled or run out of time."""
LEAST_OF_EACH_FAULT = 5


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Filled by the simulations as they run."""
    return []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(_PARTS))
def test_nothing_is_lost_doubled_or_left_behind_whatever_fails(part: int, outcomes: list[Outcome]) -> None:
    for seed in SEEDS[part::_PARTS]:
        outcome = simulate(seed)
        outcomes.append(outcome.brief())
        if outcome.violations:
            pytest.fail(failure_of(outcome), pytrace=False)


def test_the_simulations_were_not_empty(outcomes: list[Outcome]) -> None:
    if len(outcomes) < len(SEEDS):
        pytest.skip("not all of them ran")
    executions = sum(sum(outcome.statuses.values()) for outcome in outcomes)
    assert executions > 4 * len(SEEDS)
    assert sum(map(succeeded, outcomes)) > LEAST_SUCCEEDED * executions
    faults: Counter[str] = Counter()
    for outcome in outcomes:
        faults.update(outcome.faults)
    assert {fault: faults[fault] for fault in Fault if faults[fault] < LEAST_OF_EACH_FAULT} == {}


@pytest.mark.parametrize("seed", [3, 10])
def test_a_seed_gives_the_same_every_time(seed: int) -> None:
    first, second = simulate(seed), simulate(seed)
    assert first.trace == second.trace
    assert first == second
