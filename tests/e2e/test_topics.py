"""Workers that share a trigger's topic, over the emulators, while one of them is killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from engine.bus.pubsub import PubSubBus
from tests.e2e.caller import CREATE, Caller
from tests.e2e.cloud import Cloud
from tests.emulators import Emulators
from triggers.subscriptions import EVERY_SECONDS

MESSAGES = 120
PATIENCE_SECONDS = 100.0
"""Longer than the deadline after which what a dead worker had comes to another one."""
ECHO = {"name": "echo", "steps": [{"id": "a", "kind": "transform", "with": {"value": "${ input.n }"}}]}
CREATE_TRIGGER = """mutation ($input: CreateTriggerInput!) {
        createTrigger(input: $input) { trigger { id } errors { code message path } }
    }"""
DELIVERIES = """query ($after: String) {
        trigger(name: "orders") { deliveries(first: 100, after: $after) {
            nodes { eventId outcome execution { id status input } } pageInfo { hasNextPage endCursor }
        } }
    }"""


@pytest.fixture
async def cloud(tmp_path: Path, emulators: Emulators) -> AsyncIterator[Cloud]:
    async with Cloud(tmp_path, emulators) as opened:
        yield opened


async def test_every_message_starts_one_execution_although_a_worker_is_killed_while_it_pulls(
    cloud: Cloud, emulators: Emulators
) -> None:
    api, doomed, _ = await cloud.start_all("api", "worker", "worker")
    async with AsyncExitStack() as stack:
        caller = await stack.enter_async_context(Caller(lambda: [api.url]))
        await caller.insist(CREATE, definition=ECHO)
        source = {"pubsub": {"topic": "orders"}}
        mapping = {"n": "${ event.data.n }"}
        trigger = {"name": "orders", "workflow": "echo", "source": source, "inputMapping": mapping}
        await caller.insist(CREATE_TRIGGER, input=trigger)
        bus = await PubSubBus.open(cloud.project, emulators.pubsub, provision=True)
        stack.push_async_callback(bus.close)
        await asyncio.sleep(EVERY_SECONDS + 1)  # until both workers know the trigger
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(bus.publish("orders", b'{"n": %d}' % number) for number in range(MESSAGES)))
            while not (found := await _deliveries(caller)):
                await asyncio.sleep(0.02)
            await doomed.kill()
            assert len(found) < MESSAGES, "it was killed after everything"
            while not _all_succeeded(found := await _deliveries(caller)):
                await asyncio.sleep(0.2)
    started = [each for each in found if each["outcome"] == "STARTED"]
    assert sorted(each["execution"]["input"]["n"] for each in started) == list(range(MESSAGES))
    assert len({each["execution"]["id"] for each in started}) == MESSAGES
    assert {each["outcome"] for each in found} <= {"STARTED", "DUPLICATE"}


async def _deliveries(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await caller.insist(DELIVERIES, after=after))["deliveries"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def _all_succeeded(found: list[dict[str, Any]]) -> bool:
    statuses = [each["execution"]["status"] for each in found if each["outcome"] == "STARTED"]
    return len(statuses) >= MESSAGES and set(statuses) == {"SUCCEEDED"}
