"""What a webhook's event is called, and Slack's challenge."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.triggers.trigger import WebhookSignature
from tests.triggers.signed_requests import (
    NOW,
    SENT_AT,
    SLACK_CHALLENGE,
    SLACK_MENTION,
    STRIPE_INVOICE,
    Sent,
    github,
    plain,
    slack,
    standard,
    stripe,
)
from triggers.webhooks.challenge import challenge
from triggers.webhooks.naming import UNNAMED_TYPE, event_id, event_type
from triggers.webhooks.signatures import verify

DEEP = b'{"data":' + b"[" * 100_000
LONE_SURROGATE = b'{"id":"\\ud800 and more","event_id":"\\ud800 and more"}'
UNREADABLE = [
    b"",
    b"null",
    b"[]",
    b"\xff",
    b'{"id":1,"type":2,"event_id":3}',
    b'{"id":"\xff"}',
    LONE_SURROGATE,
    DEEP,
    b"payload=%7B%7D",
]


@pytest.mark.parametrize(
    ("sender", "id_", "type_"),
    [
        (github, "72d3162e-cc78-11e3-81ab-4c9367dc0958", "com.github.push"),
        (stripe, "evt_1NG8Du2eZvKYlo2CUI79vXWy", "com.stripe.invoice.paid"),
        (slack, "Ev123ABC456", "com.slack.app_mention"),
        (standard, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "weft.webhook"),
    ],
)
def test_a_vendors_event_is_called_as_the_vendor_calls_it(sender: Callable[[], Sent], id_: str, type_: str) -> None:
    sent = sender()
    assert event_id(sent.signature, sent.headers, sent.body) == id_
    assert event_type(sent.signature, sent.headers, sent.body) == type_


@pytest.mark.parametrize(("sender", "body"), [(stripe, STRIPE_INVOICE), (slack, SLACK_MENTION), (standard, b"{}")])
def test_a_retry_with_a_new_time_is_the_same_event(sender: Callable[..., Sent], body: bytes) -> None:
    first, retry = sender(body), sender(body, sent_at=SENT_AT + 60)
    assert event_id(first.signature, first.headers, body) == event_id(retry.signature, retry.headers, body)


def test_senders_who_sign_nothing_name_their_events_by_header() -> None:
    signature = WebhookSignature.NONE
    cloud_event = {"ce-id": "A234-1234-1234", "ce-type": "com.example.order.placed"}
    assert event_id(signature, cloud_event, b"{}") == "A234-1234-1234"
    assert event_type(signature, cloud_event, b"{}") == "com.example.order.placed"
    assert event_id(signature, {"idempotency-key": '"8e03978e"'}, b"{}") == '"8e03978e"'
    assert event_id(signature, cloud_event | {"idempotency-key": "8e03978e"}, b"{}") == "A234-1234-1234"


@pytest.mark.parametrize("sender", [plain, github, stripe, slack, standard])
def test_headers_that_nobody_signed_name_nothing(sender: Callable[[bytes], Sent]) -> None:
    sent = sender(b"{}")
    forged = sent.headers | {"ce-id": "1", "ce-type": "admin.thing", "idempotency-key": "2"}
    assert event_id(sent.signature, forged, sent.body) == event_id(sent.signature, sent.headers, sent.body)
    assert event_type(sent.signature, forged, sent.body) == event_type(sent.signature, sent.headers, sent.body)


def test_without_a_name_the_body_names_the_event() -> None:
    digest = hashlib.sha256(b"{}").hexdigest()
    for signature, headers in ((WebhookSignature.NONE, {}), (WebhookSignature.HMAC_SHA256, plain(b"{}").headers)):
        assert event_id(signature, headers, b"{}") == digest
        assert event_type(signature, headers, b"{}") == UNNAMED_TYPE


@pytest.mark.parametrize("sender", [stripe, slack])
@pytest.mark.parametrize("body", UNREADABLE)
def test_without_a_name_in_the_body_the_signed_time_and_the_body_name_the_event(
    sender: Callable[..., Sent], body: bytes
) -> None:
    first, again, later = sender(body), sender(body), sender(body, sent_at=SENT_AT + 1)
    ids = [event_id(sent.signature, sent.headers, sent.body) for sent in (first, again, later)]
    assert ids[0] == ids[1] != ids[2]
    assert event_type(first.signature, first.headers, body) == UNNAMED_TYPE


@pytest.mark.parametrize("name", ["x" * 201, "é", "two\nlines"])
def test_a_name_that_is_unfit_to_be_kept_is_replaced_by_its_hash(name: str) -> None:
    assert event_id(WebhookSignature.NONE, {"ce-id": name}, b"") == hashlib.sha256(name.encode()).hexdigest()
    assert event_type(WebhookSignature.NONE, {"ce-type": name}, b"") == UNNAMED_TYPE


@given(signature=st.sampled_from(sorted(WebhookSignature)), name=st.text(max_size=300), body=st.binary(max_size=60))
def test_every_event_has_a_short_name_and_a_type(signature: WebhookSignature, name: str, body: bytes) -> None:
    sent = {sent.signature: sent for sent in (plain(body), github(body), stripe(body), slack(body), standard(body))}
    headers = sent[signature].headers if signature in sent else {}
    named = headers | {"ce-id": name.encode("utf-8", "replace").decode("latin-1")}
    assert 1 <= len(event_id(signature, named, body)) <= 200
    assert event_type(signature, headers, body)


def test_slacks_challenge_is_answered_with_its_text() -> None:
    sent = slack(SLACK_CHALLENGE)
    verify(sent.signature, sent.secret, sent.headers, sent.body, NOW)
    assert challenge(sent.signature, sent.body) == "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"


@pytest.mark.parametrize("body", [*UNREADABLE, SLACK_MENTION, b'{"type":"url_verification"}', b'{"challenge":"x"}'])
def test_everything_else_is_no_challenge(body: bytes) -> None:
    assert challenge(WebhookSignature.SLACK, body) is None


@pytest.mark.parametrize("signature", sorted(set(WebhookSignature) - {WebhookSignature.SLACK}))
def test_nobody_but_slack_is_answered(signature: WebhookSignature) -> None:
    assert challenge(signature, SLACK_CHALLENGE) is None
