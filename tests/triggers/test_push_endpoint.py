"""The endpoint that Pub/Sub pushes to, asked as Pub/Sub asks it."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from engine.domain.triggers.delivery import DeliveryOutcome
from engine.domain.triggers.trigger import PubSubSource, Trigger
from engine.settings import BadSettings, Settings, read_settings
from engine.storage.sqlite import SqliteStore
from engine.usecases.triggers.changing import delete_trigger, pause_trigger
from tests.runtime.failing_store import FailingStore
from tests.triggers.at_work import ECHO, SetClock, TriggerClient
from tests.triggers.test_push_tokens import AUDIENCE, EMAIL, NOW, Publisher, bearer
from triggers.push_endpoint import MOST_BYTES, PushEndpoint, Unverified
from triggers.push_tokens import PushTokens
from weft.pushing import push_endpoint

_O = DeliveryOutcome


def wrapped(body: bytes = b'{"n": 1}', message_id: str = "m1", **attributes: str) -> bytes:
    message = {
        "data": base64.b64encode(body).decode(),
        "attributes": attributes,
        "messageId": message_id,
        "publishTime": "2026-01-31T09:29:59.5Z",
    }
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/pushed"}).encode()


class Pusher:
    def __init__(self, client: TriggerClient, store: FailingStore) -> None:
        self.client = client
        self.store = store
        self.keys = Publisher("first")
        self.endpoint = PushEndpoint(client.services, PushTokens(AUDIENCE, EMAIL, self.keys))
        app = Starlette(routes=[self.endpoint.route()])
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://weft")

    async def trigger(self) -> Trigger:
        return await self.client.trigger(PubSubSource(topic="orders"))

    async def push(
        self, trigger: str, body: bytes, token: str | None = "good", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        given = {"authorization": bearer() if token == "good" else token} if token else {}
        return await self._http.post(f"/pubsub/push/{trigger}", content=body, headers={**given, **(headers or {})})


@pytest.fixture
async def pusher(settings: Settings) -> AsyncIterator[Pusher]:
    store = FailingStore(await SqliteStore.open(None))
    async with TriggerClient.idle(settings, store=store, clock=SetClock(NOW)) as client:
        await client.define(ECHO)
        yield Pusher(client, store)
    await store.close()


async def test_a_message_is_answered_when_its_fate_is_stored(pusher: Pusher) -> None:
    trigger = await pusher.trigger()
    answer = await pusher.push(trigger.id, wrapped(kind="order"))
    assert (answer.status_code, answer.content) == (204, b"")
    (delivery,) = await pusher.client.deliveries(trigger)
    assert (delivery.outcome, delivery.via, delivery.event.id) == (_O.STARTED, "m1", "m1")
    assert delivery.event.extensions["attributes"] == {"kind": "order"}
    assert await pusher.client.input_of(delivery) == {"n": 1}


async def test_a_message_without_a_wrapper_is_read_by_its_headers(pusher: Pusher) -> None:
    trigger = await pusher.trigger()
    headers = {
        "x-goog-pubsub-message-id": "m2",
        "x-goog-pubsub-publish-time": "2026-01-31T09:29:59Z",
        "ce-specversion": "1.0",
        "ce-id": "e1",
        "ce-type": "order.paid",
        "ce-source": "/shop",
        "content-type": "application/json",
    }
    assert (await pusher.push(trigger.id, b'{"n": 2}', headers=headers)).status_code == 204
    (delivery,) = await pusher.client.deliveries(trigger)
    assert (delivery.event.id, delivery.event.source, delivery.via) == ("e1", "/shop", "m2")
    assert "authorization" not in str(delivery.event.extensions)


async def test_a_message_that_comes_again_starts_nothing_more(pusher: Pusher) -> None:
    trigger = await pusher.trigger()
    for _ in range(3):
        assert (await pusher.push(trigger.id, wrapped())).status_code == 204
    assert await pusher.client.outcomes(trigger) == ["STARTED"]


@pytest.mark.parametrize("token", [None, "Bearer nonsense", "Basic abc", "other email", "other audience", "other key"])
async def test_nothing_but_a_counter_is_kept_of_who_is_not_believed(pusher: Pusher, token: str | None) -> None:
    made = {
        "other email": bearer(email="somebody@example.com"),
        "other audience": bearer(aud="https://elsewhere"),
        "other key": bearer("second", kid="first"),
    }
    trigger = await pusher.trigger()
    token = made.get(token or "", token)
    for address in (trigger.id, "tr_unknown", "no id"):
        answer = await pusher.push(address, wrapped(), token)
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"] == "Bearer"
    assert pusher.endpoint.refused == 3
    assert await pusher.client.deliveries(trigger) == []


async def test_what_is_no_trigger_on_a_topic_is_not_found(pusher: Pusher) -> None:
    events = await pusher.client.on_events("x", name="events")
    for address in (events.id, "tr_unknown", "%00", "x" * 500):
        assert (await pusher.push(address, wrapped())).status_code == 404
    trigger = await pusher.trigger()
    await delete_trigger(pusher.client.services, pusher.client.caller, "t")
    assert (await pusher.push(trigger.id, wrapped())).status_code == 404


async def test_a_paused_trigger_asks_for_the_message_later(pusher: Pusher) -> None:
    trigger = await pusher.trigger()
    await pause_trigger(pusher.client.services, pusher.client.caller, "t")
    answer = await pusher.push(trigger.id, wrapped())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert await pusher.client.deliveries(trigger) == []


async def test_a_store_that_does_not_answer_asks_for_the_message_again(pusher: Pusher) -> None:
    trigger = await pusher.trigger()
    pusher.store.failures = 1
    answer = await pusher.push(trigger.id, wrapped())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    pusher.store.unanswered = 1
    assert (await pusher.push(trigger.id, wrapped())).status_code in (204, 503)
    assert (await pusher.push(trigger.id, wrapped())).status_code == 204
    assert await pusher.client.outcomes(trigger) == ["STARTED"]


async def test_keys_that_cannot_be_fetched_ask_for_the_message_again(pusher: Pusher) -> None:
    pusher.keys.down = True
    answer = await pusher.push((await pusher.trigger()).id, wrapped())
    assert (answer.status_code, pusher.endpoint.refused) == (503, 0)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"\xff", b'{"message": {}}', b'{"message": {"messageId": "1", "data": "?"}}', b"[" * 100_000],
)
async def test_what_is_no_pushed_message_is_refused(pusher: Pusher, body: bytes) -> None:
    trigger = await pusher.trigger()
    assert (await pusher.push(trigger.id, body)).status_code == 400
    assert await pusher.client.deliveries(trigger) == []


async def test_a_body_that_no_message_has_is_too_large(pusher: Pusher) -> None:
    trigger = await pusher.trigger()
    assert (await pusher.push(trigger.id, b" " * (MOST_BYTES + 1))).status_code == 413


@pytest.mark.parametrize(
    ("body", "attributes", "code"),
    [
        (b'"' + b"x" * 9_000_000 + b'"', {}, "payload_too_large"),
        (b"{", {"content-type": "application/cloudevents+json"}, "validation_failed"),
        (b"{}", {"kind": "\x00"}, "validation_failed"),
    ],
    ids=["too large for an event", "no event", "NUL"],
)
async def test_what_can_never_be_an_event_is_recorded_and_acknowledged(
    pusher: Pusher, body: bytes, attributes: dict[str, Any], code: str
) -> None:
    trigger = await pusher.trigger()
    for _ in range(2):
        assert (await pusher.push(trigger.id, wrapped(body, **attributes))).status_code == 204
    (delivery,) = await pusher.client.deliveries(trigger)
    assert delivery.failure is not None
    assert (delivery.dead, delivery.failure.code, delivery.event.id) == (True, code, "m1")
    assert not delivery.failure.retryable


async def test_a_message_of_which_nothing_can_be_stored_is_acknowledged(pusher: Pusher) -> None:
    trigger = await pusher.trigger()
    assert (await pusher.push(trigger.id, wrapped(message_id="\x00"))).status_code == 204
    assert await pusher.client.deliveries(trigger) == []


async def test_only_who_says_so_believes_everybody(pusher: Pusher) -> None:
    services = pusher.client.services
    assert push_endpoint(services, Settings()) is None
    assert push_endpoint(services, Settings(push_email=EMAIL)) is not None
    assert push_endpoint(services, Settings(push_verify="off")) is not None
    await Unverified().verify(None, NOW)


def test_the_switch_that_believes_everybody_is_for_development() -> None:
    off = {"WEFT_PUSH_VERIFY": "off"}
    assert read_settings(off).push_verify == "off"
    tokens = {**off, "WEFT_AUTH": "token", "WEFT_TOKENS_FILE": "tokens.yaml"}
    assert read_settings({**tokens, "PUBSUB_EMULATOR_HOST": "localhost:8085"}).push_verify == "off"
    with pytest.raises(BadSettings, match="WEFT_PUSH_VERIFY=off lets anybody push"):
        read_settings(tokens)
    with pytest.raises(BadSettings, match="WEFT_PUSH_AUDIENCE does nothing"):
        read_settings({"WEFT_PUSH_AUDIENCE": "https://weft.example"})
    with pytest.raises(BadSettings, match="email of a service account"):
        read_settings({"WEFT_PUSH_EMAIL": "nobody"})
