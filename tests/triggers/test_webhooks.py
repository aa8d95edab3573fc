"""The endpoint of webhooks, asked as senders ask it."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from engine.domain.errors import InvalidState, NotFound, PermissionDenied, WeftError
from engine.domain.triggers.delivery import DeliveryOutcome
from engine.domain.triggers.trigger import Trigger, WebhookSignature, WebhookSource
from engine.settings import Settings
from engine.usecases.triggers.changing import pause_trigger, rotate_webhook
from tests.triggers import signed_requests
from tests.triggers.at_work import ECHO, SetClock, TriggerClient
from triggers.webhooks import endpoint
from triggers.webhooks.endpoint import Webhooks

_O = DeliveryOutcome
SECRETS = {
    "plain": signed_requests.PLAIN_SECRET,
    "stripe": signed_requests.STRIPE_SECRET,
    "slack": signed_requests.SLACK_SECRET,
    "standard": signed_requests.STANDARD_SECRET,
}


class Sender:
    def __init__(self, client: TriggerClient, hooks: Webhooks) -> None:
        self.client = client
        self.hooks = hooks
        app = Starlette(routes=[hooks.route()])
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://weft")

    async def hook(self, signature: WebhookSignature = WebhookSignature.NONE, secret: str | None = None) -> Trigger:
        return await self.client.trigger(WebhookSource(signature=signature, secret_name=secret))

    async def post(self, trigger: Trigger, body: bytes = b"{}", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._http.post(f"/hooks/{trigger.hook_token}", content=body, headers=named)

    async def request(self, method: str, path: str) -> httpx.Response:
        return await self._http.request(method, path)


@pytest.fixture
async def sender(settings: Settings) -> AsyncIterator[Sender]:
    settings = Settings(data_dir=settings.data_dir, modules=settings.modules, secrets=SECRETS)
    async with TriggerClient.idle(settings, clock=SetClock(signed_requests.NOW)) as client:
        await client.define(ECHO)
        yield Sender(client, Webhooks(client.services))


async def test_a_request_is_answered_when_its_event_is_stored(sender: Sender) -> None:
    trigger = await sender.hook()
    answer = await sender.post(trigger, b'{"n": 1}', content_type="application/json")
    assert answer.status_code == 202
    (delivery,) = await sender.client.deliveries(trigger)
    assert answer.json() == {"deliveryId": delivery.id, "outcome": "STARTED"}
    assert (delivery.event.type, delivery.event.source) == ("weft.webhook", "/triggers/t")
    assert await sender.client.input_of(delivery) == {"n": 1}


async def test_equal_bodies_are_events_of_their_own_unless_the_sender_names_them(sender: Sender) -> None:
    trigger = await sender.hook()
    for _ in range(2):
        await sender.post(trigger)
    for _ in range(2):
        await sender.post(trigger, idempotency_key="one")
    assert sorted(await sender.client.outcomes(trigger)) == ["DUPLICATE", "STARTED", "STARTED", "STARTED"]


@pytest.mark.parametrize(
    ("sent", "secret", "type_"),
    [
        (signed_requests.stripe(signed_requests.STRIPE_INVOICE), "stripe", "com.stripe.invoice.paid"),
        (signed_requests.slack(signed_requests.SLACK_MENTION), "slack", "com.slack.app_mention"),
        (signed_requests.standard(signed_requests.STANDARD_CONTACT), "standard", None),
        (signed_requests.github(signed_requests.GITHUB_PUSH), "plain", "com.github.push"),
        (signed_requests.plain(b'{"a": 1}'), "plain", "weft.webhook"),
    ],
    ids=["stripe", "slack", "standard", "github", "plain"],
)
async def test_a_signed_request_is_believed_and_a_changed_one_is_not(
    sender: Sender, sent: signed_requests.Sent, secret: str, type_: str | None
) -> None:
    trigger = await sender.hook(sent.signature, secret)
    answer = await sender.post(trigger, sent.body, **sent.headers)
    assert answer.status_code == 202
    (delivery,) = await sender.client.deliveries(trigger)
    assert type_ is None or delivery.event.type == type_
    assert delivery.event.data == json.loads(sent.body)

    for headers, body in (({}, sent.body), (sent.headers, sent.body + b" ")):
        refused = await sender.post(trigger, body, **headers)
        assert refused.status_code == 401
        assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert len(await sender.client.deliveries(trigger)) == 1
    assert sum(sender.hooks.refused.values()) == 2


async def test_a_replayed_request_starts_nothing_and_one_out_of_time_is_refused(sender: Sender) -> None:
    sent = signed_requests.stripe(signed_requests.STRIPE_INVOICE)
    trigger = await sender.hook(sent.signature, "stripe")
    outcomes = [(await sender.post(trigger, sent.body, **sent.headers)).json()["outcome"] for _ in range(2)]
    assert outcomes == ["STARTED", "DUPLICATE"]
    clock = sender.client.services.clock
    assert isinstance(clock, SetClock)
    clock.move(seconds=301)
    assert (await sender.post(trigger, sent.body, **sent.headers)).status_code == 401


FORGED = {"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/x", "ce-type": "admin.thing", "idempotency-key": "3"}


@pytest.mark.parametrize(
    ("sent", "secret"),
    [
        (signed_requests.stripe(signed_requests.STRIPE_INVOICE), "stripe"),
        (signed_requests.slack(signed_requests.SLACK_MENTION), "slack"),
        (signed_requests.standard(signed_requests.STANDARD_CONTACT), "standard"),
        (signed_requests.github(signed_requests.GITHUB_PUSH), "plain"),
        (signed_requests.plain(b'{"a": 1}'), "plain"),
    ],
    ids=["stripe", "slack", "standard", "github", "plain"],
)
async def test_a_replay_is_no_other_event_by_headers_that_nobody_signed(
    sender: Sender, sent: signed_requests.Sent, secret: str
) -> None:
    trigger = await sender.hook(sent.signature, secret)
    for headers in ({}, FORGED):
        assert (await sender.post(trigger, sent.body, **sent.headers, **headers)).status_code == 202
    assert sorted(await sender.client.outcomes(trigger)) == ["DUPLICATE", "STARTED"]
    assert {delivery.event.type for delivery in await sender.client.deliveries(trigger)}.isdisjoint({"admin.thing"})


async def test_a_signed_body_may_be_an_event_in_structured_mode(sender: Sender) -> None:
    event = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "order.paid", "data": {"n": 1}}
    sent = signed_requests.plain(json.dumps(event).encode())
    trigger = await sender.hook(sent.signature, "plain")
    await sender.post(trigger, sent.body, **sent.headers | {"content-type": "application/cloudevents+json"})
    (delivery,) = await sender.client.deliveries(trigger)
    assert (delivery.event.id, delivery.event.type, delivery.event.data) == ("7", "order.paid", {"n": 1})


@pytest.mark.parametrize("size", [600_000, 1_200_000])
async def test_what_is_too_large_for_an_event_is_refused_as_that(sender: Sender, size: int) -> None:
    trigger = await sender.hook()
    answer = await sender.post(trigger, b'"' + b"x" * size + b'"')
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert await sender.client.deliveries(trigger) == []


async def test_slacks_challenge_is_answered_and_is_no_event(sender: Sender) -> None:
    sent = signed_requests.slack(signed_requests.SLACK_CHALLENGE)
    trigger = await sender.hook(sent.signature, "slack")
    answer = await sender.post(trigger, sent.body, **sent.headers)
    assert (answer.status_code, answer.text) == (200, json.loads(sent.body)["challenge"])
    assert (await sender.post(trigger, sent.body)).status_code == 401
    assert await sender.client.deliveries(trigger) == []


@pytest.mark.parametrize("error", [NotFound, PermissionDenied, InvalidState])
async def test_a_webhook_whose_secret_cannot_be_had_believes_nobody_and_says_so(
    sender: Sender, error: type[WeftError], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def get(*_: str) -> str:
        raise error("the secret cannot be had")

    monkeypatch.setattr(sender.client.services.secrets, "get", get)
    sent = signed_requests.stripe(signed_requests.STRIPE_INVOICE)
    trigger = await sender.hook(sent.signature, "stripe")
    assert (await sender.post(trigger, sent.body, **sent.headers)).status_code == 401
    assert "webhook t believes nobody: the secret cannot be had" in caplog.text


async def test_an_address_leads_nowhere_once_it_is_another_one_or_never_was(sender: Sender) -> None:
    trigger = await sender.hook()
    rotated = await rotate_webhook(sender.client.services, sender.client.caller, "t")
    assert (await sender.post(trigger)).status_code == 404
    assert (await sender.post(rotated)).status_code == 202
    for path in ("/hooks/unknown", "/hooks/" + "x" * 200, f"/hooks/{trigger.id}"):
        assert (await sender.request("POST", path)).status_code == 404
    for method in ("GET", "PUT", "DELETE"):
        answer = await sender.request(method, f"/hooks/{rotated.hook_token}")
        assert (answer.status_code, answer.text) == (405, "Method Not Allowed")


async def test_a_paused_webhook_asks_to_be_tried_again(sender: Sender) -> None:
    trigger = await sender.hook()
    await pause_trigger(sender.client.services, sender.client.caller, "t")
    answer = await sender.post(trigger)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert await sender.client.deliveries(trigger) == []


async def test_what_is_too_large_packed_or_no_event_is_refused_and_nothing_is_stored(sender: Sender) -> None:
    trigger = await sender.hook()
    assert (await sender.post(trigger, b"x" * (endpoint.MOST_BYTES + 1))).status_code == 413
    assert (await sender.post(trigger, b"\x1f\x8b", content_encoding="gzip")).status_code == 413
    structured = {"content_type": "application/cloudevents+json"}
    refused = await sender.post(trigger, b'{"specversion": "1.0", "id": "", "type": "t", "source": "/s"}', **structured)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["extensions"]["problems"][0]["path"] == ["id"]
    assert (await sender.post(trigger, b"{", content_type="application/json")).status_code == 400
    assert await sender.client.deliveries(trigger) == []


async def test_too_many_requests_of_one_webhook_have_to_wait(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "REQUESTS_AT_ONCE", 2.0)
    monkeypatch.setattr(endpoint, "REQUESTS_A_SECOND", 0.0)
    trigger = await sender.hook()
    answers = [await sender.post(trigger) for _ in range(3)]
    assert [each.status_code for each in answers] == [202, 202, 429]
    assert answers[-1].headers["retry-after"] == "1"
