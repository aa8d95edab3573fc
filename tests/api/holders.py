"""Holders of tokens, and the file that lists them."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import orjson

from engine.usecases.services import Services
from weft.token_file import TokenFile
from weft.token_runtime import TokenRuntime
from weft.tokens import digest_of


class Clock:
    """The time, as far as it was moved on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Holders:
    """`runtime` knows them; it looks at the file and at the clock when it is told to."""

    def __init__(self, directory: Path, services: Services | None = None) -> None:
        self._path = directory / "tokens.yaml"
        self._entries: dict[str, dict[str, Any]] = {}
        self.clock = Clock()
        self.admin = self.add("root", role="admin")
        self.runtime = TokenRuntime(services or cast("Services", self.clock), TokenFile(self._path))

    def add(self, name: str, *, tenant: str = "acme", role: str = "editor", lasts: timedelta | None = None) -> str:
        """Gives the token, which counts once the file is read."""
        token = secrets.token_urlsafe()
        entry = {"name": name, "tenant": tenant, "role": role, "sha256": digest_of(token).hex()}
        if lasts is not None:
            entry["expires_at"] = (self.clock.clock() + lasts).isoformat()
        self._entries[token] = entry
        self.write(orjson.dumps({"tokens": list(self._entries.values())}))
        return token

    def change(self, token: str, **fields: Any) -> None:
        self._entries[token] |= fields
        self.write(orjson.dumps({"tokens": list(self._entries.values())}))

    def remove(self, token: str) -> None:
        del self._entries[token]
        self.write(orjson.dumps({"tokens": list(self._entries.values())}))

    def write(self, content: bytes) -> None:
        """As careful people do it: the file is never half written."""
        new = self._path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(self._path)

    def look(self) -> None:
        """What the runtime does every second."""
        self.runtime.reread()
        self.runtime.end_invalid()

    def vanish(self) -> None:
        self._path.unlink()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
