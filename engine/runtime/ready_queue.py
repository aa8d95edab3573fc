"""Executions that a worker should claim: by priority, then in order of arrival, each once."""

import heapq
from collections.abc import Callable
from itertools import count

import msgspec


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str
    execution_id: str
    lane: str
    priority: int


class ReadyQueue:
    def __init__(self) -> None:
        self._lanes: dict[str, list[tuple[int, int, Ready]]] = {}
        self._queued: set[str] = set()
        self._arrivals = count()

    def __len__(self) -> int:
        return len(self._queued)

    def holds(self, lane: str) -> bool:
        """Whether an execution of that lane is waiting."""
        return lane in self._lanes

    def size(self, lane: str) -> int:
        """How many executions of that lane are waiting."""
        return len(self._lanes.get(lane, ()))

    def clear(self, lane: str) -> None:
        """Forgets those of that lane."""
        for _, _, ready in self._lanes.pop(lane, ()):
            self._queued.discard(ready.execution_id)

    def put(self, ready: Ready) -> None:
        if ready.execution_id not in self._queued:
            self._queued.add(ready.execution_id)
            entry = (-ready.priority, next(self._arrivals), ready)
            heapq.heappush(self._lanes.setdefault(ready.lane, []), entry)

    def take(self, admits: Callable[[str], bool]) -> Ready | None:
        """The first one over all lanes that `admits` a further execution, which is asked once for the lane taken from."""
        for _, _, lane in sorted((heap[0][0], heap[0][1], lane) for lane, heap in self._lanes.items()):
            if admits(lane):
                heap = self._lanes[lane]
                ready = heapq.heappop(heap)[2]
                if not heap:
                    del self._lanes[lane]
                self._queued.discard(ready.execution_id)
                return ready
        return None
