"""A worker on Firestore and Pub/Sub, as its environment names them, that remembers when its commits of executions were acknowledged."""

import os
import time
from collections.abc import Sequence

import msgspec

from benchmarks import workflows
from benchmarks.answering import answer, run
from benchmarks.tally import TallyingStore
from engine.bootstrap import open_engine, open_store
from engine.settings import read_settings
from engine.storage.port import Delete, Write
from engine.storage.repositories.head import execution_path


class _State(msgspec.Struct):
    seq: int


class _Head(msgspec.Struct):
    state: _State


class NotingStore(TallyingStore):
    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]  # its own
        self.acknowledged: list[tuple[int, Write]] = []
        """When, and what was first in the commit: of an execution that is its head."""

    async def commit(self, writes: Sequence[Write]) -> None:
        await super().commit(writes)
        self.acknowledged.append((time.perf_counter_ns(), writes[0]))


async def main() -> None:
    settings = read_settings(os.environ, role="worker", modules=(workflows.MODULE,))
    store = NotingStore(await open_store(settings))
    async with open_engine(settings, store=store):

        async def commits(executions: list[str]) -> dict[str, list[tuple[int, int]]]:
            """For each the last seq of every commit, and the nanosecond of its acknowledgement."""
            paths = {execution_path("local", execution_id): execution_id for execution_id in executions}
            found: dict[str, list[tuple[int, int]]] = {execution_id: [] for execution_id in executions}
            for at, write in store.acknowledged:
                if write.path in paths and not isinstance(write, Delete):
                    head = msgspec.json.decode(write.body, type=_Head)
                    found[paths[write.path]].append((head.state.seq, at))
            store.acknowledged.clear()
            return found

        await answer({"commits": commits})
    await store.close()


if __name__ == "__main__":
    run(main())
