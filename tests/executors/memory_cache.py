"""A `ModelCache` in a dict."""

from datetime import timedelta
from typing import Any


class MemoryCache:
    """Remembers the time to live that each entry was given; nothing expires."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], Any] = {}
        self.ttls: list[timedelta] = []

    async def get(self, tenant: str, key: str) -> Any | None:
        return self.entries.get((tenant, key))

    async def put(self, tenant: str, key: str, value: Any, ttl: timedelta) -> None:
        self.entries[tenant, key] = value
        self.ttls.append(ttl)
