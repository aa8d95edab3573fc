"""Replies of models, kept for steps with a `cache_ttl`."""

from datetime import timedelta
from typing import Any

from engine.runtime.step_cache import StepCache


class StoredModelCache:
    """Satisfies `engine.executors.model_cache.ModelCache`."""

    def __init__(self, cache: StepCache) -> None:
        self._cache = cache

    async def get(self, tenant: str, key: str) -> Any | None:
        kept = await self._cache.get(tenant, ["model", key])
        return kept.value if kept else None

    async def put(self, tenant: str, key: str, value: Any, ttl: timedelta) -> None:
        await self._cache.put(tenant, ["model", key], value, ttl)
