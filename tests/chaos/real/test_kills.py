"""Real processes that are killed while they work: the short form of `make chaos-real`."""

from pathlib import Path
from random import Random

import pytest

from tests.chaos.real.fleet import Fleet
from tests.chaos.real.run import Plan, run, settings_of
from tests.e2e.cloud import Cloud
from tests.emulators import Emulators

EXECUTIONS = 48
KILLS = 2


async def kill(fleet: Fleet, random: Random) -> None:
    """Workers in which something is under way."""
    del random
    for _ in range(KILLS):
        await fleet.kill("worker", busy=True)


@pytest.mark.timeout(240)
async def test_what_was_accepted_ends_as_it_should_although_processes_are_killed(
    tmp_path: Path, emulators: Emulators
) -> None:
    plan = Plan(seed=1, executions=EXECUTIONS, window=40, apis=2, workers=2, kill=kill)
    async with Cloud(tmp_path, emulators, **settings_of(str(tmp_path))) as cloud:
        findings = await run(cloud, plan)
    assert findings.violations == []
    assert len(findings.kills) == KILLS
    assert findings.interrupted >= KILLS, "kills met nothing that was under way"
    assert findings.statuses["SUCCEEDED"] > EXECUTIONS * 0.9
    assert findings.connections > findings.watchers > 0
