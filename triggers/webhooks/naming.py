"""What a webhook's event is called: its id, by which a delivery that is sent again is known again, and its type.

Both are of a request that `signatures.verify` let pass.
"""

import hashlib
import re
from collections.abc import Mapping

from engine.domain.triggers.trigger import WebhookSignature
from triggers.webhooks.payloads import SlackEvent, StripeEvent, decoded
from triggers.webhooks.signatures import replay_key

UNNAMED_TYPE = "weft.webhook"

_SHORT = re.compile(r"[ -~]{1,200}")
_TYPE = re.compile(r"[!-~]{1,200}")


def event_id(signature: WebhookSignature, headers: Mapping[str, str], body: bytes) -> str:
    """The sender's own name for the event, else the sha256 of what was signed: then the same body is the same event, unless the scheme
    signs a time. Where nothing is signed, `ce-id`, else `idempotency-key`, else the sha256 of the body.

    Never empty, at most 200 printable ASCII characters: a longer or other name is replaced by its sha256.
    """
    name = _sender_id(signature, headers, body)
    if signature is WebhookSignature.NONE:
        name = headers.get("ce-id") or headers.get("idempotency-key")
    if name:
        return name if _SHORT.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()
    return replay_key(signature, headers, body) or hashlib.sha256(body).hexdigest()


def event_type(signature: WebhookSignature, headers: Mapping[str, str], body: bytes) -> str:
    """`com.github.push`, `com.stripe.invoice.paid`, `com.slack.app_mention`; `ce-type` where nothing is signed; else `weft.webhook`."""
    name = _sender_type(signature, headers, body)
    if signature is WebhookSignature.NONE:
        name = headers.get("ce-type")
    return name if name and _TYPE.fullmatch(name) else UNNAMED_TYPE


def _sender_id(signature: WebhookSignature, headers: Mapping[str, str], body: bytes) -> str | None:
    match signature:
        case WebhookSignature.GITHUB:
            return headers.get("x-github-delivery")
        case WebhookSignature.STRIPE:
            return decoded(StripeEvent, body).id
        case WebhookSignature.SLACK:
            return decoded(SlackEvent, body).event_id
        case WebhookSignature.STANDARD_WEBHOOKS:
            return headers.get("webhook-id")
        case WebhookSignature.NONE | WebhookSignature.HMAC_SHA256:
            return None


def _sender_type(signature: WebhookSignature, headers: Mapping[str, str], body: bytes) -> str | None:
    match signature:
        case WebhookSignature.GITHUB:
            return _under("com.github", headers.get("x-github-event"))
        case WebhookSignature.STRIPE:
            return _under("com.stripe", decoded(StripeEvent, body).type)
        case WebhookSignature.SLACK:
            inner = decoded(SlackEvent, body).event
            return _under("com.slack", inner.type if inner else None)
        case WebhookSignature.STANDARD_WEBHOOKS | WebhookSignature.NONE | WebhookSignature.HMAC_SHA256:
            return None


def _under(domain: str, name: str | None) -> str | None:
    return f"{domain}.{name}" if name else None
