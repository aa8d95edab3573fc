"""Whether a request comes from the sender that the trigger expects, and whether it came before.

Headers are those of `headers.received`: lower-cased names, repeated values joined. The body is the bytes that arrived.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.domain.triggers.trigger import WebhookSignature
from triggers.webhooks.refusal import BadSignature, Refusal
from triggers.webhooks.schemes import SCHEMES, Claim, Scheme

TOLERANCE = timedelta(seconds=300)
"""How far the sender's time may be from ours, in either direction."""

REPLAY_WINDOW = 2 * TOLERANCE
"""How long a `replay_key` must be kept after its request came: one from a clock that is 300 s ahead stays good for 600 s."""


def verify(
    signature: WebhookSignature, secret: str | None, headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    """Returns when the request is signed with one of the secrets and its time is near `now`. Raises `BadSignature`.

    Several secrets, of which any may have signed, stand on lines of their own; those that a vendor gave out (Stripe, Slack,
    Standard Webhooks) may also stand beside each other.
    """
    if signature is WebhookSignature.NONE:
        return
    scheme = SCHEMES[signature]
    keys = scheme.keys(secret or "")
    claim = scheme.claim(headers)
    if not _signed_with_any(keys, scheme, claim, body):
        raise BadSignature(Refusal.WRONG, f"no signature fits ({len(claim.signatures)} sent, {len(keys)} secrets)")
    if claim.sent_at is not None:
        _require_near(claim.sent_at, now)


def replay_key(signature: WebhookSignature, headers: Mapping[str, str], body: bytes) -> str | None:
    """What two requests share that were signed as one; None where the scheme signs no time. Raises `BadSignature`.

    It is of what was signed, not of the signature: during a rotation one request carries several, and each would do alone. A sender's
    own retry has a new time, and so another key.
    """
    if signature is WebhookSignature.NONE:
        return None
    claim = SCHEMES[signature].claim(headers)
    if claim.sent_at is None:
        return None
    digest = hashlib.sha256(claim.before)
    digest.update(body)
    return digest.hexdigest()


def _signed_with_any(keys: tuple[bytes, ...], scheme: Scheme, claim: Claim, body: bytes) -> bool:
    """Goes through all of them: the time it takes does not say which one fitted, or how far."""
    fits = False
    for key in keys:
        mac = hmac.new(key, claim.before, hashlib.sha256)
        mac.update(body)
        expected = scheme.text(mac.digest())
        for sent in claim.signatures:
            fits |= hmac.compare_digest(expected, sent)
    return fits


def _require_near(sent_at: int, now: datetime) -> None:
    age = now.timestamp() - sent_at
    if age > TOLERANCE.total_seconds():
        raise BadSignature(Refusal.TOO_OLD, f"signed {age:.0f} s ago")
    if -age > TOLERANCE.total_seconds():
        raise BadSignature(Refusal.IN_THE_FUTURE, f"signed {-age:.0f} s in the future")
