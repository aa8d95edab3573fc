"""How the text of a variable is read. A reader raises ValueError with what is wrong, behind the variable's name."""

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from engine.domain.durations import parse_duration
from engine.domain.triggers.resource_names import resource_problem
from engine.settings.model import Network

ROLES = ("admin", "editor", "viewer")
LIMITS = (
    "characters", "tokens", "argument_tokens", "fragments", "operations", "root_fields", "depth", "fields", "aliases",
    "directives", "comparisons", "cost", "seconds", "body_bytes", "connections", "response_bytes",
)  # fmt: skip


def choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"is {text!r}; it may be {' or '.join(allowed)}")
        return text

    return read


def whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            raise ValueError(f"is {text!r}; it must be a whole number from {least} to {most}")
        return int(text)

    return read


def names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def paths(text: str) -> tuple[Path, ...]:
    return tuple(Path(part) for part in names(text))


def networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part) for part in names(text))


def lease(text: str) -> timedelta:
    length = parse_duration(text)
    if not timedelta(seconds=2) <= length <= timedelta(minutes=10):
        raise ValueError(f"is {text!r}; it must be from 2s to 10m")
    return length


def prefix(text: str) -> str:
    # Without a hyphen, because that is what ends it: see `engine.secrets.secret_manager`.
    if not re.fullmatch("[a-z][a-z0-9]{0,19}", text):
        raise ValueError(f"is {text!r}; it must be 1 to 20 small letters and digits, a letter first")
    return text


def lanes(text: str) -> dict[str, int]:
    found = {}
    for part in names(text):
        name, separator, limit = part.partition("=")
        if not separator or not name or not limit.isdigit() or int(limit) < 1:
            raise ValueError(f"has {part!r}; write name=limit, such as gpu=2,crm=10")
        found[name] = int(limit)
    return found


def roles(text: str) -> frozenset[str]:
    given = names(text)
    if given == ("none",):
        return frozenset()
    for name in given:
        if name not in ROLES:
            raise ValueError(f"has {name!r}; write roles ({', '.join(ROLES)}), comma-separated, or none")
    return frozenset(given)


def limits(text: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for part in names(text):
        name, _, value = part.partition("=")
        role, _, limit = name.partition(".")
        if role not in ROLES or limit not in LIMITS or not re.fullmatch("[1-9][0-9]{0,8}", value):
            raise ValueError(
                f"has {part!r}; write role.limit=number, such as viewer.cost=20000; limits: {', '.join(LIMITS)}"
            )
        found.setdefault(role, {})[limit] = int(value)
    return found


def rates(text: str) -> dict[str, tuple[int, int]]:
    read = {}
    for part in names(text):
        found = re.fullmatch("([a-z]+)=([1-9][0-9]{0,6})/([smh])", part)
        if not found or found[1] not in ROLES:
            raise ValueError(f"has {part!r}; write role=requests/s, /m or /h, such as editor=100/s,viewer=600/m")
        read[found[1]] = (int(found[2]), {"s": 1, "m": 60, "h": 3600}[found[3]])
    return read


def url(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/-]*)?", text):
        raise ValueError(f"is {text!r}; write an address such as https://weft.example.com")
    return text.rstrip("/")


def email(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError(f"is {text!r}; write the email of a service account")
    return text


def topics(text: str) -> tuple[str, ...]:
    found = names(text)
    for topic in found:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}", topic) or topic.startswith("goog"):
            raise ValueError(f"has {topic!r}; write ids of topics such as orders, comma-separated")
        if topic.startswith("weft.") and topic != "weft.emitted":
            raise ValueError(f"has {topic!r}, which belongs to the engine")
    return found


def resources(text: str) -> tuple[str, ...]:
    """Topics and subscriptions as triggers may name them."""
    found = names(text)
    for name in found:
        problem = resource_problem(name)
        if problem is not None:
            raise ValueError(f"has {name!r}: {problem}")
    return found


def origins(text: str) -> tuple[str, ...]:
    found = names(text)
    for origin in found:
        if not re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+", origin):
            raise ValueError(f"has {origin!r}; write origins such as https://console.example.com, in small letters")
    return found
