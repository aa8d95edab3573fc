"""W3C Trace Context: what is well formed travels on with the event, anything else is dropped as the recommendation asks."""

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
_PREFIXES = ("", "googclient_")
"""Google's client libraries for Pub/Sub write the context into attributes with a prefix of their own."""

_PARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?P<more>-[\x21-\x7e]*)?"
)
_STATE_MEMBER = re.compile(
    r"([a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x3c\x3e-\x7e]{1,256}"
)
_MOST_MEMBERS, _LONGEST = 32, 512


def trace_of(carrier: Mapping[str, Any]) -> dict[str, str]:
    """`traceparent` and, where it has a well formed one, `tracestate`; nothing without the first."""
    for prefix in _PREFIXES:
        parent, state = carrier.get(prefix + TRACEPARENT), carrier.get(prefix + TRACESTATE)
        if _is_parent(parent):
            return {TRACEPARENT: parent, TRACESTATE: state} if _is_state(state) else {TRACEPARENT: parent}
    return {}


def _is_parent(value: Any) -> TypeGuard[str]:
    """Versions after 00 may have more fields."""
    found = _PARENT.fullmatch(value) if isinstance(value, str) and len(value) <= _LONGEST else None
    return found is not None and (found["more"] is None or found["version"] != "00")


def _is_state(value: Any) -> TypeGuard[str]:
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        return False
    members = [member.strip(" \t") for member in value.split(",")]
    return len(members) <= _MOST_MEMBERS and all(not each or _STATE_MEMBER.fullmatch(each) for each in members)
