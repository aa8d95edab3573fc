"""Outputs kept under a key: for steps with a `cache_key`, and for model calls with a `cache_ttl`."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from engine.storage.port import DocumentStore, Put

DEFAULT_TTL = timedelta(days=7)
LARGEST = 512 * 1024
"""Bytes; a larger output is not kept."""

_encoder = msgspec.json.Encoder(order="sorted")


class Kept(msgspec.Struct, frozen=True):
    value: Any


class StepCache:
    def __init__(self, store: DocumentStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def get(self, tenant: str, key: Any) -> Kept | None:
        """None where nothing was kept, or not that long. `key` is any JSON."""
        document = await self._store.get(_path(tenant, key))
        if document is None:
            return None
        expire_at = document.fields.get("expire_at")
        if isinstance(expire_at, datetime) and expire_at <= self._clock():
            return None
        return Kept(msgspec.json.decode(document.body))

    async def put(self, tenant: str, key: Any, value: Any, ttl: timedelta | None) -> None:
        body = _encoder.encode(value)
        if len(body) <= LARGEST:
            expire_at = self._clock() + (ttl or DEFAULT_TTL)
            await self._store.commit([Put(path=_path(tenant, key), body=body, fields={"expire_at": expire_at})])


def _path(tenant: str, key: Any) -> str:
    return f"tenants/{tenant}/cache/{hashlib.sha256(_encoder.encode(key)).hexdigest()}"
