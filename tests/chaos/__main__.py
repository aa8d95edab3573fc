"""Runs many simulations on all cores: `make chaos`, `make chaos ARGS="--seed 1234"`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from tests.chaos.many import simulate_all
from tests.chaos.report import failure_of, table_of
from tests.chaos.simulation import Outcome, simulate

SEEDS = 3000


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one alone, and show what happened")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many to run ({SEEDS})")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (one for each core)")
    given = parser.parse_args(arguments)
    if given.seed is not None:
        return _show(simulate(given.seed))
    return _run(range(given.first, given.first + given.seeds), given.jobs)


def _show(outcome: Outcome) -> int:
    _say("\n".join(outcome.trace))
    _say(table_of([outcome]))
    for violation in outcome.violations:
        _say(f"VIOLATED: {violation}")
    return 1 if outcome.violations else 0


def _run(seeds: range, jobs: int) -> int:
    began, done, failed = time.monotonic(), [], 0
    for outcome in simulate_all(seeds, jobs):
        done.append(outcome)
        if outcome.violations:
            failed += 1
            _say(failure_of(outcome))
    _say(table_of(done))
    _say(f"{len(done)} simulations, {failed} failed, in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
