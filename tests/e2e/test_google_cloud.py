"""What processes in roles promise one another and their clients, over the emulators."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.chaos.real.effects import EFFECTS, EffectLog
from tests.e2e.caller import CREATE, SIGNAL, Caller
from tests.e2e.cloud import Cloud, key
from tests.e2e.streams import over_sse, over_websocket, sse_lines
from tests.emulators import Emulators
from tests.patience import PATIENCE_SECONDS

PAUSE = "mutation ($id: ID!) { pauseExecution(input: {id: $id}) { execution { id } errors { message } } }"
RESUME = "mutation ($id: ID!) { resumeExecution(input: {id: $id}) { execution { id } errors { message } } }"
CANCEL = "mutation ($id: ID!) { cancelExecution(input: {id: $id}) { execution { id } errors { message } } }"
EDIT = """mutation ($id: ID!, $revision: Int!, $edits: [StepEditInput!]!) {
        editExecution(input: {id: $id, expectedRevision: $revision, edits: $edits}) { execution { id } errors { message } }
    }"""


def function(step_id: str, call: str = "real.work", needs: list[str] | None = None, **args: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "function", "needs": needs or [], "with": {"call": call, "args": args}}


DRIVEN = {
    "name": "driven",
    "steps": [
        function("held", "real.hold", gate="${ input.gate }"),
        {"id": "wait", "kind": "signal", "needs": [], "with": {"name": "go"}},
        function("signalled", needs=["wait"]),
        function("last", needs=["held"]),
    ],
}
SECOND = {"name": "second", "steps": [function("a", seconds=1.0), function("b", needs=["a"])]}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, emulators: Emulators) -> Iterator[Cloud]:
    """Two replicas of the API and a worker."""
    directory = tmp_path_factory.mktemp("cloud")
    settings = {"WEFT_MODULES": "tests.chaos.real.functions", EFFECTS: str(directory / "effects"), "WEFT_GRACE": "20s"}
    opened = Cloud(directory, emulators, **settings)
    try:
        asyncio.run(_begin(opened))
        yield opened
    finally:
        opened.close()


async def _begin(cloud: Cloud) -> None:
    apis = await cloud.start_all("api", "api", "worker")
    async with Caller(lambda: [apis[0].url]) as caller:
        for definition in (DRIVEN, SECOND):
            await caller.insist(CREATE, definition=definition)


@pytest.fixture
def effects(cloud: Cloud) -> EffectLog:
    return EffectLog(cloud.directory / "effects")


@pytest.fixture
async def caller(cloud: Cloud) -> AsyncIterator[Caller]:
    async with Caller(lambda: [cloud.processes[0].url]) as opened:
        yield opened


async def until(condition: Callable[[], bool]) -> float:
    """Seconds."""
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)
    return asyncio.get_running_loop().time() - began


class Driven:
    """An execution whose worker is in the middle of the step `held`."""

    def __init__(self, caller: Caller, effects: EffectLog, directory: Path) -> None:
        self._caller = caller
        self._effects = effects
        self._gate = directory / key()
        self.id = ""

    async def begin(self) -> "Driven":
        self.id = await self._caller.start("driven", key=key(), input={"gate": self._gate.name})
        await until(lambda: self.runs("held"))
        return self

    def runs(self, step_id: str) -> bool:
        """Whether it has begun."""
        return step_id in self._calls()

    def ended(self, step_id: str) -> bool:
        return self._calls().get(step_id) is not None

    def release(self) -> None:
        self._gate.touch()

    def _calls(self) -> dict[str, float | None]:
        self._effects.look()
        return {call.begin.step: call.ended for call in self._effects.calls if call.begin.execution == self.id}


@pytest.fixture
async def driven(caller: Caller, effects: EffectLog, cloud: Cloud) -> AsyncIterator[Driven]:
    begun = await Driven(caller, effects, cloud.directory).begin()
    yield begun
    begun.release()


async def test_a_signal_reaches_an_execution_that_a_worker_drives(
    caller: Caller, driven: Driven, record_property: Callable[[str, object], None]
) -> None:
    await caller.insist(SIGNAL, id=driven.id, name="go", payload=None, key=key())
    record_property("seconds", await until(lambda: driven.runs("signalled")))
    assert not driven.ended("held")


async def test_a_cancel_interrupts_what_a_worker_does(
    caller: Caller, driven: Driven, record_property: Callable[[str, object], None]
) -> None:
    await caller.insist(CANCEL, id=driven.id)
    record_property("seconds", await until(lambda: driven.ended("held")))
    await caller.until(driven.id, "CANCELLED")


async def test_an_edit_reaches_an_execution_that_a_worker_drives(
    caller: Caller, driven: Driven, record_property: Callable[[str, object], None]
) -> None:
    added = {"action": "INSERT", "stepId": "added", "definition": {**function("added"), "id": "added"}}
    await caller.insist(EDIT, id=driven.id, revision=1, edits=[added])
    record_property("seconds", await until(lambda: driven.runs("added")))
    assert not driven.ended("held")


async def test_a_pause_lets_a_worker_finish_its_step_and_begin_no_other(caller: Caller, driven: Driven) -> None:
    await caller.insist(PAUSE, id=driven.id)
    await caller.insist(SIGNAL, id=driven.id, name="go", payload=None, key=key())
    driven.release()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while ("StepSucceeded", "held") not in await _recorded(caller, driven):
            await asyncio.sleep(0.02)
    assert (await caller.until(driven.id, "PAUSED"))["status"] == "PAUSED"
    assert not driven.runs("last")
    assert not driven.runs("signalled")
    await caller.insist(RESUME, id=driven.id)
    await caller.until(driven.id, "SUCCEEDED")
    assert driven.runs("last")
    assert driven.runs("signalled")


async def _recorded(caller: Caller, driven: Driven) -> list[tuple[str, str]]:
    return [(event["__typename"], event.get("stepId", "")) for event in (await caller.log(driven.id))["events"]]


@pytest.mark.parametrize("stream", [over_websocket, over_sse])
async def test_whoever_watches_at_another_replica_sees_every_event(
    cloud: Cloud, caller: Caller, driven: Driven, stream: Callable[..., AsyncIterator[dict[str, Any]]]
) -> None:
    other = cloud.processes[1]

    async def watched() -> list[tuple[int, str]]:
        return [(event["seq"], event["__typename"]) async for event in stream(other.url, driven.id, 0)]

    watching = asyncio.create_task(watched())
    await caller.insist(SIGNAL, id=driven.id, name="go", payload=None, key=key())
    driven.release()
    async with asyncio.timeout(PATIENCE_SECONDS):
        seen = await watching
    log = await caller.log(driven.id)
    assert seen == [(event["seq"], event["__typename"]) for event in log["events"]]
    assert seen[-1][1] == "ExecutionSucceeded"


async def test_a_stopping_worker_finishes_its_step_and_another_one_goes_on(
    cloud: Cloud, caller: Caller, effects: EffectLog
) -> None:
    first = next(each for each in cloud.processes if each.role == "worker")
    another = await cloud.start("worker")
    execution_id = await caller.start("second", key=key())

    def runs() -> dict[str, int]:
        effects.look()
        return {call.begin.step: call.begin.pid for call in effects.calls if call.begin.execution == execution_id}

    await until(lambda: bool(runs()))
    driver, other = (first, another) if runs()["a"] == first.pid else (another, first)
    assert await driver.stop() == 0
    await caller.until(execution_id, "SUCCEEDED")
    assert runs() == {"a": driver.pid, "b": other.pid}
    names = [event["__typename"] for event in (await caller.log(execution_id))["events"]]
    assert "StepRetryScheduled" not in names
    assert names.count("StepStarted") == 2


async def test_a_stopping_replica_tells_its_watchers_to_connect_again(cloud: Cloud, driven: Driven) -> None:
    replica = await cloud.start("api")
    socket, lines = over_websocket(replica.url, driven.id, 0), sse_lines(replica.url, driven.id, 0)
    assert (await anext(socket))["seq"] == 1
    first = await anext(lines)
    stopping = asyncio.create_task(replica.stop())
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(ConnectionClosed) as closed:
            [event async for event in socket]
        rest = [first, *[line async for line in lines]]
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason[:15]) == (1012, "Service restart")
    assert any(line.startswith("retry: ") for line in rest)
    assert "event: complete" not in rest
    assert await stopping == 0
