"""Requests as the senders make them: their payloads, shortened, and signatures by the algorithms that they document."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.domain.triggers.trigger import WebhookSignature

SENT_AT = 1_790_000_000
NOW = datetime.fromtimestamp(SENT_AT, UTC)

PLAIN_SECRET = "correct horse battery staple"
STRIPE_SECRET = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH"
SLACK_SECRET = "e6b19c573432dcc6b075501d51b51bb8"
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

GITHUB_PUSH = (
    b'{"ref":"refs/heads/main","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","after":"0000000000000000000000000000000000000000",'
    b'"repository":{"id":186853002,"full_name":"Codertocat/Hello-World","private":false},"pusher":{"name":"Codertocat"},"commits":[]}'
)
STRIPE_INVOICE = (
    b'{\n  "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy",\n  "object": "event",\n  "api_version": "2025-09-30.clover",\n  "created": 1686089970,\n'
    b'  "data": {"object": {"id": "in_1MtHbELkdIwHu7ixl4OzzPMv", "object": "invoice", "amount_paid": 1000}},\n'
    b'  "livemode": false,\n  "pending_webhooks": 1,\n  "type": "invoice.paid"\n}'
)
SLACK_MENTION = (
    b'{"token":"ZZZZZZWSxiZZZ2yIvs3peJ","team_id":"T061EG9R6","api_app_id":"A0MDYCDME","event":{"type":"app_mention","user":"U061F7AUR",'
    b'"text":"What is the hour of the pearl, <@U0LAN0Z89>?","ts":"1515449522.000016","channel":"C123ABC456"},"type":"event_callback",'
    b'"event_id":"Ev123ABC456","event_time":1515449522000016}'
)
SLACK_CHALLENGE = (
    b'{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",'
    b'"type":"url_verification"}'
)
STANDARD_CONTACT = (
    b'{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z",'
    b'"data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}'
)


@dataclass(frozen=True)
class Sent:
    signature: WebhookSignature
    secret: str
    headers: dict[str, str]
    body: bytes


def plain(body: bytes = b'{"hello":"world"}', secret: str = PLAIN_SECRET) -> Sent:
    headers = {"x-weft-signature": f"sha256={_hex(secret, body)}", "content-type": "application/json"}
    return Sent(WebhookSignature.HMAC_SHA256, secret, headers, body)


def github(body: bytes = GITHUB_PUSH, secret: str = PLAIN_SECRET) -> Sent:
    headers = {
        "x-github-event": "push",
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-hub-signature-256": f"sha256={_hex(secret, body)}",
    }
    return Sent(WebhookSignature.GITHUB, secret, headers, body)


def stripe(body: bytes = STRIPE_INVOICE, secret: str = STRIPE_SECRET, sent_at: int = SENT_AT) -> Sent:
    header = f"t={sent_at},v1={_hex(secret, f'{sent_at}.'.encode() + body)}"
    return Sent(WebhookSignature.STRIPE, secret, {"stripe-signature": header}, body)


def slack(body: bytes = SLACK_MENTION, secret: str = SLACK_SECRET, sent_at: int = SENT_AT) -> Sent:
    headers = {
        "x-slack-signature": f"v0={_hex(secret, f'v0:{sent_at}:'.encode() + body)}",
        "x-slack-request-timestamp": str(sent_at),
    }
    return Sent(WebhookSignature.SLACK, secret, headers, body)


def standard(body: bytes = STANDARD_CONTACT, secret: str = STANDARD_SECRET, sent_at: int = SENT_AT) -> Sent:
    id_ = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{id_}.{sent_at}.".encode() + body, hashlib.sha256)
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    return Sent(WebhookSignature.STANDARD_WEBHOOKS, secret, headers, body)


def _hex(secret: str, signed: bytes) -> str:
    return hmac.digest(secret.encode(), signed, hashlib.sha256).hex()
