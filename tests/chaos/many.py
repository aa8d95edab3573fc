"""Many simulations on several cores."""

import multiprocessing
from collections.abc import Iterator

from tests.chaos.simulation import Outcome, simulate

_AT_ONCE = 10
_RENEWED_AFTER = 20


def simulate_all(seeds: range, jobs: int) -> Iterator[Outcome]:
    """As they come. Without traces but for those that failed: thousands would be much to send."""
    parts = [seeds[at : at + _AT_ONCE] for at in range(0, len(seeds), _AT_ONCE)]
    # Not forked: a process with threads and loops cannot be copied safely. Renewed, because simulations leave garbage.
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=_RENEWED_AFTER) as pool:
        for outcomes in pool.imap_unordered(_simulated, parts):
            yield from outcomes


def _simulated(seeds: range) -> list[Outcome]:
    return [simulate(seed).brief() for seed in seeds]
