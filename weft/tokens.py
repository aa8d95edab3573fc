"""Bearer tokens, and the YAML that lists them: who may call, for which tenant, as what.

    tokens:
      - {name: ci, tenant: acme, role: editor, sha256: "9f86...", expires_at: 2027-01-31T09:30:00Z}

The list holds digests alone, so whoever reads it cannot call; a quick hash will do, since tokens are 256 random bits and no passwords
that could be guessed. Several tokens may share a name: while one is replaced, the old
one and the new one are both valid.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.domain.errors import Path, Problem, ValidationFailed
from engine.domain.ids import TenantId
from engine.usecases.caller import Caller, Role
from engine.usecases.yaml_reading import read_yaml

# What a tenant is called stands in the paths of its documents, so it can be neither `..` nor hold a slash.
_TENANT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`expires_at` is the first moment at which it is no longer valid; None is never."""

    caller: Caller
    expires_at: datetime | None = None

    def valid(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


Tokens = Mapping[bytes, Token]
"""By the sha256 of the token."""


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def read_tokens(text: str) -> Tokens:
    """The tokens of a YAML file, possibly none. Raises `ValidationFailed` with every problem, each with its path and line."""
    if not text.strip():
        raise ValidationFailed([Problem(message="the file is empty", line=1)])
    given, lines = read_yaml(text)
    reading = _Reading(lines)
    tokens = reading.file(given)
    if reading.problems:
        raise ValidationFailed(reading.problems)
    return tokens


def tenant_id(given: Any) -> TenantId:
    """Raises `ValueError`."""
    return TenantId(
        _matching(_TENANT, given, "1 to 63 small letters, digits and hyphens, with no hyphen at either end")
    )


def token_name(given: Any) -> str:
    """Raises `ValueError`."""
    return _matching(_NAME, given, "1 to 100 letters, digits and . _ @ + -, and begins with a letter or a digit")


def _matching(pattern: re.Pattern[str], given: Any, rule: str) -> str:
    if not isinstance(given, str) or not pattern.fullmatch(given):
        raise ValueError(f"{_shown(given)} will not do: it is {rule}")
    return given


def _role(given: Any) -> Role:
    if not isinstance(given, str) or given not in list(Role):
        raise ValueError(f"{_shown(given)} is no role: it may be {', '.join(Role)}")
    return Role(given)


def _digest(given: Any) -> bytes:
    # What stands here may be the token itself, by mistake: then it must not get into a log.
    if not isinstance(given, str) or not _SHA256.fullmatch(given):
        raise ValueError("this is no sha256: it is 64 hexadecimal digits, in quotes")
    return bytes.fromhex(given)


def _moment(given: Any) -> datetime:
    if not isinstance(given, str) or not _RFC3339.fullmatch(given):
        raise ValueError(f"{_shown(given)} is no time: write RFC 3339, such as 2027-01-31T09:30:00Z")
    try:
        return datetime.fromisoformat(given.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{_shown(given)} is no time: {error}") from error


def _shown(given: Any) -> str:
    return repr(given)[:80]


_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "name": token_name,
    "tenant": tenant_id,
    "role": _role,
    "sha256": _digest,
    "expires_at": _moment,
}
_OPTIONAL = frozenset({"expires_at"})


class _Reading:
    """One file under way; collects what is wrong with it."""

    def __init__(self, lines: Mapping[Path, int]) -> None:
        self._lines = lines
        self.problems: list[Problem] = []

    def file(self, given: Any) -> Tokens:
        if not isinstance(given, dict) or not isinstance(given.get("tokens"), list):
            self._note("the file is an object with a list, `tokens`", ())
            return {}
        for unknown in given:
            if unknown != "tokens":
                self._note("nothing of this name belongs here", (unknown,))
        tokens: dict[bytes, Token] = {}
        first: dict[bytes, str] = {}
        for index, entry in enumerate(given["tokens"]):
            path = ("tokens", str(index))
            for digest, token in self._entry(entry, path):
                if digest in tokens:
                    self._note(f"this sha256 stands in tokens[{first[digest]}] too", (*path, "sha256"))
                tokens[digest] = token
                first.setdefault(digest, str(index))
        return tokens

    def _entry(self, given: Any, path: Path) -> Iterator[tuple[bytes, Token]]:
        """One, or none where something is wrong with it."""
        if not isinstance(given, dict):
            self._note(f"a token is an object with {', '.join(_FIELDS)}", path)
            return
        for unknown in given:
            if unknown not in _FIELDS:
                self._note(f"nothing of this name belongs here; a token has {', '.join(_FIELDS)}", (*path, unknown))
        read = {name: self._field(name, given, path) for name in _FIELDS if name in given or name not in _OPTIONAL}
        if None not in read.values():
            caller = Caller(tenant=read["tenant"], principal=read["name"], role=read["role"])
            yield read["sha256"], Token(caller=caller, expires_at=read.get("expires_at"))

    def _field(self, name: str, given: Mapping[str, Any], path: Path) -> Any:
        """None where it is missing or wrong."""
        if name not in given:
            self._note(f"{name} is missing", path)
            return None
        try:
            return _FIELDS[name](given[name])
        except ValueError as error:
            self._note(str(error), (*path, name))
            return None

    def _note(self, message: str, path: Path) -> None:
        self.problems.append(Problem(message=message, path=path, line=self._lines.get(path)))
