"""A little of everything that mutations act on, and an input for each mutation."""

from dataclasses import dataclass
from typing import Any

from tests.api.client import Api
from tests.api.definitions import asks, fails, sums
from tests.api.triggering import FROM_DATA, delivered, on_events, triggered


@dataclass(frozen=True, kw_only=True)
class World:
    """Nothing in it goes on by itself: `waiting` waits for a person, `paused` for being resumed, the others have ended."""

    ended: str
    failed: str
    waiting: str
    paused: str
    batch: str
    trigger: str
    delivery: str


async def populated(api: Api) -> World:
    """Workflows: sums, asks, fails (active), draft, archived. Triggers of sums: orders (events), nightly (a schedule)."""
    for definition in (sums(), asks(), fails(), sums("archived")):
        await api.create(definition)
    await api.create(sums("draft"), activate=False)
    await api.mutate("archiveWorkflow", {"name": "archived"})
    items = [{"workflow": "sums", "input": {"n": 1}}, {"workflow": "nowhere"}]
    batch = (await api.mutate("startExecutions", {"items": items}, "batch { id }"))["batch"]["id"]
    ended = await api.start("sums", input={"n": 1}, labels={"team": "a"})
    failed = await api.start("fails")
    waiting, paused = await api.start("asks"), await api.start("asks")
    await api.ended(ended)
    await api.ended(failed)
    for execution_id in (waiting, paused):
        await api.until(execution_id, "StepWaiting")
    await api.mutate("pauseExecution", {"id": paused})
    await batch_completed(api, batch)
    trigger = await triggered(api, "orders", on_events("order.*"), inputMapping=FROM_DATA)
    await triggered(api, "nightly", {"schedule": {"cron": "0 3 29 2 *"}})
    delivery = await delivered(api, "orders", {"n": 1})
    assert delivery.execution_id
    await api.ended(delivery.execution_id)
    return World(
        ended=ended,
        failed=failed,
        waiting=waiting,
        paused=paused,
        batch=batch,
        trigger=trigger["id"],
        delivery=delivery.id,
    )


async def batch_completed(api: Api, batch_id: str) -> None:
    subscription = api.runtime.services.hub.changes(api.runtime.caller.tenant)
    async with subscription as live:
        query = "query($id: ID!) { batch(id: $id) { status items { nodes { execution { status } } } } }"
        while (await api.data(query, id=batch_id))["batch"]["status"] != "COMPLETED":
            await live.next()


def full_inputs(world: World) -> dict[str, dict[str, Any]]:
    """By mutation, with all the fields that it has, as far as one input may have them."""
    bulk = {"reason": "why", "confirm": True, "mode": "ATOMIC", "idempotencyKey": "key"}
    chosen = {
        "workflow": "asks",
        "status": ["WAITING"],
        "label": {"key": "team", "value": "a"},
        "createdAfter": "2020-01-01T00:00:00Z",
        "createdBefore": "2100-01-01T00:00:00Z",
        "triggerId": "tr_1",
        "batchId": "ba_1",
    }
    start = {
        "workflow": "sums",
        "version": 1,
        "input": {"n": 1, "unit": "g"},
        "idempotencyKey": "key",
        "lane": "default",
        "priority": 1,
        "labels": {"team": "a"},
        "delay": "PT1H",
        "deadline": "2100-01-01T00:00:00Z",
        "budget": {"maxTokens": 1, "maxCostUsd": 0.5, "maxModelCalls": 1},
    }
    bounds = {
        "condition": "event.data.n > 0",
        "inputMapping": {"n": "${ event.data.n }", "unit": "g"},
        "dedupKey": "event.data.n",
        "dedupWindow": "PT1H",
        "throttle": {"limit": 1, "per": "PT1H"},
    }
    schedule = {
        "cron": "0 3 * * *",
        "timezone": "Europe/Berlin",
        "jitter": "PT1M",
        "overlap": "ALLOW",
        "catchUpWindow": "PT1H",
        "startAt": "2100-01-01T00:00:00Z",
        "endAt": "2200-01-01T00:00:00Z",
        "pauseOnFailure": True,
    }
    event = {
        "id": "1",
        "source": "/shop",
        "type": "order.paid",
        "subject": "42",
        "time": "2020-01-01T00:00:00Z",
        "data": {"n": 1},
        "extensions": {"partitionkey": "a"},
    }
    edit = {"action": "UPDATE", "stepId": "after", "definition": {"with": {"value": "other"}}}
    return {
        "createWorkflow": {"definition": sums("new"), "activate": True, "labels": {"team": "a"}},
        "updateWorkflow": {
            "name": "sums",
            "definition": sums() | {"title": "Sums"},
            "expectedVersion": 1,
            "activate": True,
            "labels": {"team": "a"},
        },
        "activateWorkflow": {"name": "draft", "version": 1},
        "archiveWorkflow": {"name": "sums"},
        "deleteWorkflow": {"name": "archived"},
        "startExecution": start,
        "cancelExecution": {"id": world.waiting, "reason": "why", "force": True},
        "pauseExecution": {"id": world.waiting, "reason": "why"},
        "resumeExecution": {"id": world.paused, "reason": "why", "budget": start["budget"]},
        "signalExecution": {"id": world.waiting, "name": "go", "payload": {"a": "b"}, "idempotencyKey": "key"},
        "completeStep": {
            "executionId": world.waiting,
            "stepId": "approve",
            "interruptId": "int_1",
            "output": {"ok": True, "note": "fine"},
            "idempotencyKey": "key",
        },
        "retryExecution": {"id": world.failed, "fromStep": "first"},
        "forkExecution": {
            "id": world.ended,
            "fromStep": "add",
            "input": {"n": 2, "unit": "g"},
            "idempotencyKey": "key",
        },
        "editExecution": {"id": world.waiting, "expectedRevision": 1, "edits": [edit], "dryRun": False},
        "startExecutions": {"items": [start], "mode": "ATOMIC", "idempotencyKey": "key"},
        "cancelExecutions": {"ids": [world.waiting], **bulk},
        "pauseExecutions": {"filter": chosen, **bulk},
        "resumeExecutions": {"ids": [world.paused], **bulk},
        "createTrigger": {
            "name": "new",
            "workflow": "sums",
            "source": {"schedule": schedule},
            "maxAttempts": 3,
            **bounds,
        },
        "updateTrigger": {
            "name": "orders",
            "source": {"event": {"types": ["order.paid", "order.sent"]}},
            "buffer": {"maxSize": 2, "maxWait": "PT1H", "key": "event.subject"},
            **bounds,
        },
        "pauseTrigger": {"name": "orders"},
        "resumeTrigger": {"name": "orders"},
        "rotateWebhook": {"name": "orders"},
        "deleteTrigger": {"name": "orders"},
        "fireTrigger": {"name": "orders", "data": {"n": 1, "unit": "g"}, "idempotencyKey": "key"},
        "backfillTrigger": {
            "name": "nightly",
            "from": "2020-01-01T00:00:00Z",
            "to": "2020-12-31T00:00:00Z",
            "idempotencyKey": "key",
        },
        "replayDelivery": {"id": world.delivery},
        "publishEvent": {"event": event},
        "retryExecutions": {"filter": chosen | {"workflow": "fails", "status": ["FAILED"]}, **bulk},
    }
