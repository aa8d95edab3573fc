"""One run: load on a fleet whose processes are killed, and what was found afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos.real.checks import check_execution
from tests.chaos.real.effects import EFFECTS, EffectLog
from tests.chaos.real.fleet import Fleet, Kill
from tests.chaos.real.limits import check_limits
from tests.chaos.real.load import Accepted, Load
from tests.chaos.real.recovery import recoveries
from tests.chaos.real.shapes import GATE, INNER, INNER_SHAPE, LIMITS, NARROW, SHAPES, TOOLS
from tests.e2e.caller import Caller
from tests.e2e.cloud import Cloud

LEASE = "3s"
SETTINGS = {
    "WEFT_LEASE": LEASE,
    "WEFT_LANES": ",".join(f"{name}={limit}" for name, limit in LIMITS.items()),
    "WEFT_MODULES": "tests.chaos.real.functions",
}
READING_AT_ONCE = 10
SLOT_SECONDS = 20.0
"""Generous: a leaked slot would never come back."""

CHILDREN = "query ($id: ID!) { execution(id: $id) { children(first: 10) { nodes { id } } } }"
COUNT = "query ($workflow: String!) { executions(filter: {workflow: $workflow}) { totalCount } }"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`kill` kills what it likes while the load is under way. The load goes on until it returns, unless it is `endless`."""

    seed: int
    executions: int
    window: int
    apis: int
    workers: int
    kill: Callable[[Fleet, Random], Coroutine[Any, Any, None]]
    endless: bool = False


@dataclass(kw_only=True)
class Findings:
    """`recovery` is in seconds; see `recoveries`."""

    violations: list[str] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    statuses: Mapping[str, int] = field(default_factory=dict)
    recovery: list[float] = field(default_factory=list)
    seconds: float = 0.0
    events: int = 0
    runs: int = 0
    """Of functions."""
    repeated: int = 0
    """Requests that were sent again."""
    watchers: int = 0
    connections: int = 0
    """Of all watchers."""

    @property
    def interrupted(self) -> int:
        """Runs of functions that kills cut off."""
        return sum(len(kill.driven) for kill in self.kills)


def settings_of(cloud_directory: str) -> dict[str, str]:
    return {**SETTINGS, EFFECTS: f"{cloud_directory}/effects"}


async def run(cloud: Cloud, plan: Plan) -> Findings:
    """`cloud` must have been opened with `settings_of` its directory."""
    (cloud.directory / GATE).touch()
    effects, random = EffectLog(cloud.directory / "effects"), Random(plan.seed)
    fleet = Fleet(cloud, effects, Random(plan.seed + 1))
    await fleet.start(apis=plan.apis, workers=plan.workers)
    async with Caller(fleet.urls) as caller:
        load = Load(caller, random, plan.executions, plan.window)
        await load.prepare()
        began = time.monotonic()
        killing = asyncio.create_task(plan.kill(fleet, random))
        try:
            await load.run(lambda: not plan.endless and not killing.done())
            seconds = time.monotonic() - began
        finally:
            killing.cancel()
            stopped = await asyncio.gather(killing, return_exceptions=True)
        findings = Findings(seconds=seconds, kills=fleet.kills)
        findings.violations += [f"killing failed: {each!r}" for each in stopped if isinstance(each, Exception)]
        await fleet.whole()
        findings.violations += fleet.ended_by_themselves()
        findings.violations += [each async for each in _freed_slots(load)]
        effects.look()
        await _examine(load, effects, findings)
        return findings


async def _freed_slots(load: Load) -> AsyncIterator[str]:
    """Once nobody is killed any more, every slot of a limited lane is to be had."""
    for shape in SHAPES:
        if shape.name not in (NARROW, TOOLS):
            continue
        later = await asyncio.gather(*(load.start(shape) for _ in range(LIMITS[shape.name])))
        for accepted in later:
            try:
                ended = await load.caller.until(accepted.id, "SUCCEEDED", "FAILED", seconds=SLOT_SECONDS)
                load.statuses[accepted.id] = ended["status"]
            except TimeoutError:
                yield f"a slot of the lane {shape.name} is leaked: {accepted.id} does not begin"


async def _examine(load: Load, effects: EffectLog, findings: Findings) -> None:
    """Reads everything again, from the API alone, now that all is over."""
    caller = load.caller
    everything = {**load.accepted, **await _children(load)}
    executions = await _logs(caller, list(everything))
    by_execution: dict[str, list[Any]] = {each: [] for each in everything}
    for call in effects.calls:
        by_execution.setdefault(call.begin.execution, []).append(call)
    for execution_id, accepted in everything.items():
        found = executions[execution_id]
        findings.violations += check_execution(accepted, found, by_execution[execution_id])
        if load.statuses.get(execution_id, found["status"]) != found["status"]:
            findings.violations.append(f"{execution_id} was {load.statuses[execution_id]} and is {found['status']}")
    findings.violations += [f"{each} did things and is not known" for each in by_execution.keys() - everything.keys()]
    findings.violations += check_limits(effects.calls, load.accepted, findings.kills)
    findings.violations += _seen(load, executions)
    findings.violations += [each async for each in _counts(load, everything)]
    findings.recovery = list(recoveries(findings.kills, executions))
    findings.statuses = Counter(execution["status"] for execution in executions.values())
    findings.events = sum(execution["lastSeq"] for execution in executions.values())
    findings.runs = len(effects.calls)
    findings.repeated = caller.unanswered
    findings.watchers = len(load.watchers)
    findings.connections = sum(watcher.connections for watcher in load.watchers.values())


async def _children(load: Load) -> dict[str, Accepted]:
    found = {}
    for accepted in load.accepted.values():
        if accepted.shape.name != "child":
            continue
        answer = await load.caller.insist(CHILDREN, id=accepted.id)
        for child in answer["children"]["nodes"]:
            found[child["id"]] = Accepted(id=child["id"], shape=INNER_SHAPE, input=accepted.input, key="")
    return found


async def _logs(caller: Caller, ids: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), READING_AT_ONCE):
        some = ids[start : start + READING_AT_ONCE]
        found.update(zip(some, await asyncio.gather(*map(caller.log, some)), strict=True))
    return found


def _seen(load: Load, executions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for execution_id, watcher in load.watchers.items():
        stored = [(event["seq"], event["__typename"]) for event in executions[execution_id]["events"]]
        if watcher.seen != stored:
            yield f"{execution_id}: a watcher saw {watcher.seen} and the log has {stored}"


async def _counts(load: Load, everything: Mapping[str, Accepted]) -> AsyncIterator[str]:
    """Requests were repeated, and nothing was started twice; a step that is tried again starts no second child."""
    expected = Counter(accepted.shape.name for accepted in everything.values())
    expected[INNER] = expected["child"]
    for workflow, count in expected.items():
        total = (await load.caller.insist(COUNT, workflow=workflow))["totalCount"]
        if total != count:
            yield f"of {workflow} {count} executions are known and {total} are there"
