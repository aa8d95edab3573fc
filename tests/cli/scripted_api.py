"""A server for tests of those who follow executions."""

from collections.abc import AsyncGenerator, Iterable
from typing import Any

from weft.cli.api_errors import ApiError
from weft.cli.follow import Event


class ScriptedApi:
    """A server in scripted moods: each subscription gives some events and then breaks, or completes."""

    def __init__(
        self, *streams: Iterable[Event | ApiError], status: str = "RUNNING", steps: Iterable[str] = ()
    ) -> None:
        self._streams = list(streams)
        self._status = status
        self._steps = list(steps)
        self.asked: list[int] = []

    async def subscribe(self, document: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
        del document
        self.asked.append(variables["after"])
        for item in self._streams.pop(0):
            if isinstance(item, ApiError):
                raise item
            yield {"executionEvents": item}

    async def query(self, document: str, **variables: Any) -> dict[str, Any]:
        del document, variables
        execution = {
            "status": self._status,
            "workflow": {"name": "flow", "title": None},
            "version": {"number": 1},
            "definition": {"steps": [{"id": step, "kind": "function"} for step in self._steps]},
        }
        return {"execution": execution}
