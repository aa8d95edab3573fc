"""What one tenant watches shows nothing of another, over WebSocket and over server-sent events."""

import asyncio
from contextlib import aclosing
from dataclasses import asdict

import pytest

from tests.api.definitions import sums
from tests.api.tenants import UNKNOWN, Tenants, renamed
from tests.api.test_token_tenants import CREATE, START
from tests.api.world import World
from tests.patience import PATIENCE_SECONDS
from weft.cli.api_errors import RequestRefused

WATCHES = {
    "ex": "subscription($id: ID!) { executionEvents(executionId: $id) { seq } }",
    "ba": "subscription($id: ID!) { batchProgress(id: $id) { total } }",
}


async def refusal(tenants: Tenants, query: str, watched: str) -> str:
    """What bob is told over the socket."""
    with pytest.raises(RequestRefused) as refused:
        async with aclosing(tenants.bob.subscribe(query, id=watched)) as events:
            await anext(events)
    return str([asdict(each) for each in refused.value.refusals])


@pytest.mark.parametrize("kind", WATCHES)
async def test_what_is_foreign_is_watched_as_what_never_was(tenants: Tenants, world: World, kind: str) -> None:
    for foreign in [each for each in asdict(world).values() if each.startswith(kind)]:
        never = {foreign: UNKNOWN[kind]}
        heard = await tenants.bob_hears(WATCHES[kind], id=foreign)
        assert '"code":"NOT_FOUND"' in heard
        assert renamed(heard, never) == await tenants.bob_hears(WATCHES[kind], id=UNKNOWN[kind])
        told = await refusal(tenants, WATCHES[kind], foreign)
        assert renamed(told, never) == await refusal(tenants, WATCHES[kind], UNKNOWN[kind])


async def test_the_owner_watches_it_with_the_token(tenants: Tenants, world: World) -> None:
    async with aclosing(tenants.alice.subscribe(WATCHES["ex"], id=world.ended)) as events:
        assert await anext(events) == {"executionEvents": {"seq": 1}}


async def started(tenants: Tenants, enough: asyncio.Event) -> set[str]:
    """Bob's executions, each behind one of alice's: over and over, since a subscription does not say when it begins."""
    given = {"workflow": "sums", "input": {"n": 1}}
    for client in (tenants.alice, tenants.bob):
        await client.mutate(CREATE, definition=sums())
    found = set()
    while not enough.is_set():
        await tenants.alice.mutate(START, **given)
        found.add((await tenants.bob.mutate(START, **given))["execution"]["id"])
        await asyncio.sleep(0.005)
    return found


async def test_a_watcher_of_all_executions_sees_the_own_alone(tenants: Tenants) -> None:
    enough, seen = asyncio.Event(), set()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        starting = tasks.create_task(started(tenants, enough))
        async with aclosing(tenants.bob.subscribe("subscription { executionUpdated { id } }")) as changes:
            async for change in changes:
                seen.add(change["executionUpdated"]["id"])
                if len(seen) == 3:
                    break
        enough.set()
    assert seen <= starting.result()
