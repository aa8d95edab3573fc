"""Replies that are given again for the same question."""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from langchain_core.messages import BaseMessage, messages_to_dict


class ModelCache(Protocol):
    """JSON by key, apart for each tenant."""

    async def get(self, tenant: str, key: str) -> Any | None:
        """None where nothing is kept, or no longer."""

    async def put(self, tenant: str, key: str, value: Any, ttl: timedelta) -> None:
        """Replaces what was kept under the key. The value is never None."""


def cache_key(model: str, messages: Sequence[BaseMessage], parameters: dict[str, Any]) -> str:
    """The sha256 of everything that decides the reply. Nothing of the conversation can be read from it."""
    # Ids of messages are random where they come from LangGraph, and say nothing to the model.
    said = [{**entry["data"], "id": None, "type": entry["type"]} for entry in messages_to_dict(messages)]
    question = json.dumps([model, said, parameters], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest()
