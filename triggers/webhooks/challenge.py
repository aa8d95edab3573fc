"""Slack's question whether an address is ours, asked once when the address is entered there."""

from engine.domain.triggers.trigger import WebhookSignature
from triggers.webhooks.payloads import SlackEvent, decoded


def challenge(signature: WebhookSignature, body: bytes) -> str | None:
    """The text to answer with (200, `text/plain`), where the request is a challenge and no event.

    Only of a request that `signatures.verify` let pass: else anyone could have our address say what they like.
    """
    if signature is not WebhookSignature.SLACK:
        return None
    asked = decoded(SlackEvent, body)
    return asked.challenge if asked.type == "url_verification" else None
