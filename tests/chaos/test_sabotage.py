"""The simulations notice bugs: each of these would be one."""

from collections.abc import Callable

import pytest

from tests.chaos.sabotage import SABOTAGED
from tests.chaos.sim_database import Database
from tests.chaos.simulation import simulate

SEEDS = (0, 1, 3, 8, 63, 64, 69, 103, *range(2, 120))
"""Tried in turn until one notices; those first that notice some of them now."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("database", "violation"), SABOTAGED.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_bug_on_purpose_is_noticed(database: Callable[[], Database], violation: str) -> None:
    assert any(violation in said for seed in SEEDS for said in simulate(seed, database).violations)
