"""The few fields of a vendor's body that name its event."""

from typing import TypeVar

import msgspec


class StripeEvent(msgspec.Struct, frozen=True, kw_only=True):
    id: str | None = None
    type: str | None = None


class SlackInner(msgspec.Struct, frozen=True, kw_only=True):
    type: str | None = None


class SlackEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`event` is of an `event_callback`, `challenge` of a `url_verification`."""

    type: str | None = None
    event_id: str | None = None
    event: SlackInner | None = None
    challenge: str | None = None


_Payload = TypeVar("_Payload", StripeEvent, SlackEvent)


def decoded(kind: type[_Payload], body: bytes) -> _Payload:
    """A body that is not such JSON (a form, for one, as Slack's commands are) names nothing: every field is None."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (ValueError, RecursionError):
        return kind()
