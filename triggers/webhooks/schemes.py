"""Where each scheme puts its signatures, and what stands before the body in what is signed.

All of them are HMAC-SHA256. The vendors' libraries are not used: they read the clock of the machine, take the body for UTF-8 text, and
compare what base64 decodes to, where several texts decode to the same bytes.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.domain.triggers.trigger import WebhookSignature
from triggers.webhooks import keys
from triggers.webhooks.headers import read
from triggers.webhooks.refusal import BadSignature, Refusal

_SHA256 = re.compile(r"sha256=([0-9a-f]{64})")
_SLACK = re.compile(r"v0=([0-9a-f]{64})")
_STRIPE = re.compile(r"[a-z0-9]+=[0-9A-Za-z]+(?:, ?[a-z0-9]+=[0-9A-Za-z]+)*")
_STANDARD = re.compile(r"v[0-9]+[a-z]*,[0-9A-Za-z+/]+=*(?: v[0-9]+[a-z]*,[0-9A-Za-z+/]+=*)*")
_SECONDS = re.compile(r"[0-9]{1,12}")
_ID = re.compile(r"[!-~]+")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a request says of itself: the HMAC of `before` and the body is one of `signatures`. `sent_at` is in seconds since 1970."""

    signatures: tuple[str, ...]
    before: bytes = b""
    sent_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """`claim` and `keys` raise `BadSignature`; `text` is how a digest is written."""

    claim: Callable[[Mapping[str, str]], Claim]
    keys: Callable[[str], tuple[bytes, ...]]
    text: Callable[[bytes], str] = bytes.hex


def _plain(headers: Mapping[str, str]) -> Claim:
    return Claim(signatures=(read(headers, "x-weft-signature", _SHA256)[1],))


def _github(headers: Mapping[str, str]) -> Claim:
    """https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries. The older SHA-1 header is not looked at."""
    return Claim(signatures=(read(headers, "x-hub-signature-256", _SHA256)[1],))


def _stripe(headers: Mapping[str, str]) -> Claim:
    """https://docs.stripe.com/webhooks/signature. Other schemes than `v1` are passed over: test events carry a fake `v0`."""
    header = read(headers, "stripe-signature", _STRIPE)[0]
    items = [item.strip().partition("=") for item in header.split(",")]
    times = [value for name, _, value in items if name == "t"]
    signatures = tuple(value for name, _, value in items if name == "v1")
    if len(times) > 1:
        raise BadSignature(Refusal.SEVERAL, f"stripe-signature has {len(times)} times")
    if not times or not signatures or not _SECONDS.fullmatch(times[0]):
        raise BadSignature(Refusal.MALFORMED, "stripe-signature needs t, in seconds, and v1")
    return Claim(signatures=signatures, before=f"{times[0]}.".encode(), sent_at=int(times[0]))


def _slack(headers: Mapping[str, str]) -> Claim:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    signature = read(headers, "x-slack-signature", _SLACK)[1]
    seconds = read(headers, "x-slack-request-timestamp", _SECONDS)[0]
    return Claim(signatures=(signature,), before=f"v0:{seconds}:".encode(), sent_at=int(seconds))


def _standard(headers: Mapping[str, str]) -> Claim:
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, without the asymmetric `v1a`."""
    id_ = read(headers, "webhook-id", _ID)[0]
    seconds = read(headers, "webhook-timestamp", _SECONDS)[0]
    versions = [item.partition(",") for item in read(headers, "webhook-signature", _STANDARD)[0].split(" ")]
    signatures = tuple(text for version, _, text in versions if version == "v1")
    if not signatures:
        raise BadSignature(Refusal.MALFORMED, "webhook-signature holds no v1")
    return Claim(signatures=signatures, before=f"{id_}.{seconds}.".encode(), sent_at=int(seconds))


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


SCHEMES: Mapping[WebhookSignature, Scheme] = {
    WebhookSignature.HMAC_SHA256: Scheme(claim=_plain, keys=keys.lines),
    WebhookSignature.GITHUB: Scheme(claim=_github, keys=keys.lines),
    WebhookSignature.STRIPE: Scheme(claim=_stripe, keys=keys.words),
    WebhookSignature.SLACK: Scheme(claim=_slack, keys=keys.words),
    WebhookSignature.STANDARD_WEBHOOKS: Scheme(claim=_standard, keys=keys.standard, text=_base64),
}
"""All but NONE, which has nothing to check."""
