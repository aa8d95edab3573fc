"""A disk that is full: what cannot be kept is refused and leaves nothing behind, what runs waits for room."""

import asyncio
import logging
from pathlib import Path
from typing import cast

import pytest

from engine.bootstrap import DATABASE
from engine.domain.errors import Unavailable
from engine.domain.events import StepStarted
from engine.domain.status import ExecutionStatus
from engine.storage.sqlite import SqliteStore
from engine.usecases.signal_execution import signal_execution
from tests.full_disk import full_disk
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call
from tests.runtime.parts import CALLS
from tests.stored_documents import nothing_changes

E = ExecutionStatus
LARGE = "x" * 500_000
FULL = r"^the store failed: database or disk is full$"


def disk_of(client: Client) -> SqliteStore:
    return cast("SqliteStore", client.services.store)


async def test_what_cannot_be_kept_is_refused_and_leaves_nothing_behind(client: Client, tmp_path: Path) -> None:
    await client.define({"id": "a", "kind": "signal", "with": {"name": "go"}})
    waiting = await client.start()
    await client.until(waiting, E.WAITING)

    async def signal() -> None:
        services, caller = client.services, client.caller
        await signal_execution(services, caller, waiting, name="go", payload=LARGE, idempotency_key=None)

    with nothing_changes(tmp_path / DATABASE), full_disk(disk_of(client)):
        with pytest.raises(Unavailable, match=FULL):
            await client.start(input={"t": LARGE})
        with pytest.raises(Unavailable, match=FULL):
            await client.define(call("a", "echo", {"value": LARGE}), name="other")
        with pytest.raises(Unavailable, match=FULL):
            await signal()
        assert (await client.view(waiting)).state.status is E.WAITING, "reading needs no room"
    await signal()
    assert (await client.ended(waiting)).state.status is E.SUCCEEDED


async def test_a_result_waits_until_there_is_room_and_its_step_is_not_run_again(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await client.define(call("a", "slow", {"value": "${ input.t }"}), output="${ size(steps.a.output) }")
    execution_id = await client.start(input={"t": LARGE})
    await client.until_event(execution_id, StepStarted)
    with full_disk(disk_of(client)):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "not recorded yet" not in caplog.text:
                await asyncio.sleep(0.005)
        assert (await client.view(execution_id)).state.status is E.RUNNING
    assert (await client.ended(execution_id)).state.output == len(LARGE)
    assert [name for name, _ in CALLS] == ["slow begins", "slow ends"]
