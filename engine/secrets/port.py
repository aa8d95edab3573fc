"""SecretSource: where `secrets.<name>` comes from. Values are never stored, and are taken out of what is logged."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

REDACTED = "[secret]"

_SHORTEST = 4
"""Shorter values are left alone: taking every `1` or `no` out of a text would garble it, and tell the secret by its
gaps.
"""


class SecretSource(ABC):
    @abstractmethod
    async def get(self, tenant: str, name: str) -> str:
        """Raises `NotFound` where the tenant has no such secret, `PermissionDenied` where this process may not read it,
        `InvalidState` where it is not text, `Unavailable` where the source does not answer.
        """

    @abstractmethod
    async def close(self) -> None:
        """Ends its connections, if it has any."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with each of the secrets replaced by `[secret]`, longest first, so that none leaves its tail behind."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, REDACTED)
    return text


def redact_value(value: Any, secrets: Sequence[str]) -> Any:
    """`redact` on every string of a JSON value, keys included."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, Mapping):
        return {redact(key, secrets): redact_value(entry, secrets) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(entry, secrets) for entry in value]
    return value
