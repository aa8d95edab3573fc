"""`python -m tests.chaos.real`: processes on the emulators, one of them killed every few seconds, and a table of what came of it."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

from benchmarks.emulators import Emulators
from tests.chaos.real.fleet import Fleet
from tests.chaos.real.recovery import percentile
from tests.chaos.real.run import LEASE, Findings, Plan, run, settings_of
from tests.e2e.cloud import Cloud

EVERY_SECONDS = (2.0, 5.0)
API_EVERY = 8
"""Kills: of so many, one is of a replica of the API."""
SPARE = {"worker": 2, "api": 1}
"""Where processes start slower than they are killed, so many are left: else nothing would be measured but how they start."""
LEAST_SUCCEEDED = 0.8


async def kill_now_and_then(fleet: Fleet, random: Random) -> None:
    """Until cancelled."""
    number = 0
    while True:
        await asyncio.sleep(random.uniform(*EVERY_SECONDS))
        number += 1
        role = "worker" if number % API_EVERY else "api"
        await fleet.kill(role, spare=SPARE[role])


async def main(directory: Path, emulators: Emulators, plan: Plan) -> Findings:
    async with Cloud(directory, emulators, **settings_of(str(directory))) as cloud:
        return await run(cloud, plan)


def problems(findings: Findings) -> Iterator[str]:
    """Why the run does not count as passed."""
    yield from findings.violations
    if findings.statuses.get("SUCCEEDED", 0) < LEAST_SUCCEEDED * sum(findings.statuses.values()):
        yield f"too few succeeded to prove anything: {dict(findings.statuses)}"
    if not findings.kills or not findings.interrupted:
        yield f"{len(findings.kills)} kills interrupted {findings.interrupted} function runs: that proves nothing"


def table(plan: Plan, findings: Findings) -> Iterator[tuple[str, str]]:
    killed = Counter(kill.role for kill in findings.kills)
    yield "seed", str(plan.seed)
    yield "processes", f"{plan.apis} api, {plan.workers} worker; lease {LEASE}"
    yield "executions", ", ".join(f"{count} {status}" for status, count in sorted(findings.statuses.items()))
    yield "events in their logs", str(findings.events)
    yield "function runs", f"{findings.runs}, of them cut off by kills {findings.interrupted}"
    yield "took", f"{findings.seconds:.0f} s"
    yield "kill -9", f"{killed['worker']} worker, {killed['api']} api"
    yield "requests repeated", str(findings.repeated)
    yield "watchers", f"{findings.watchers}, with {findings.connections} connections"
    if findings.recovery:
        shares = ((0.5, "p50"), (0.99, "p99"), (1.0, "max"))
        told = ", ".join(f"{name} {percentile(findings.recovery, share):.1f} s" for share, name in shares)
        yield "from kill to next event", f"{told} (of {len(findings.recovery)} executions)"
    yield "violations", str(len(findings.violations))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.real", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of load and kills")
    parser.add_argument("--executions", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--apis", type=int, default=2)
    parser.add_argument("--window", type=int, default=100, help="executions that are under way at a time")
    parser.add_argument("--keep", type=Path, help="an empty directory for logs and effects, which are left there")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    chosen = Plan(
        seed=given.seed,
        executions=given.executions,
        window=given.window,
        apis=given.apis,
        workers=given.workers,
        kill=kill_now_and_then,
        endless=True,
    )
    sys.stdout.write(f"seed {chosen.seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="weft-chaos-") as made, closing(Emulators()) as running:
        found = asyncio.run(main(given.keep or Path(made), running, chosen))
    for name, value in table(chosen, found):
        sys.stdout.write(f"{name:24}{value}\n")
    failed = list(problems(found))
    for problem in failed:
        sys.stdout.write(f"! {problem}\n")
    sys.exit(1 if failed else 0)
