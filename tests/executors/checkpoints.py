"""Checkpoints for tests, and a store that counts."""

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from engine.executors.checkpointer import DocumentCheckpointer
from engine.storage.port import Document, DocumentStore, FieldValue, Filter, Order, Write

EXECUTION = "tenants/t1/executions/ex_1"


def saver(store: DocumentStore, epoch: int = 1) -> DocumentCheckpointer:
    return DocumentCheckpointer(store, EXECUTION, epoch)


def config(checkpoint_id: str | None = None, *, thread: str = "t") -> RunnableConfig:
    which = {} if checkpoint_id is None else {"checkpoint_id": checkpoint_id}
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **which}}


def checkpoint(name: str, versions: dict[str, int] | None = None, **values: Any) -> Any:
    """`name` is its id; ids need not grow with time, as clocks of two machines do not agree. By default every channel has
    a new version.
    """
    own = {channel: f"{name}.{channel}" for channel in values}
    return {**empty_checkpoint(), "id": name, "channel_values": values, "channel_versions": versions or own}


async def put(
    owner: DocumentCheckpointer, name: str, after: RunnableConfig | None = None, **values: Any
) -> RunnableConfig:
    return await put_checkpoint(owner, checkpoint(name, **values), after)


async def put_checkpoint(
    owner: DocumentCheckpointer, saved: Any, after: RunnableConfig | None = None
) -> RunnableConfig:
    return await owner.aput(after or config(), saved, {"source": "loop", "step": 1}, {})


Newest = tuple[str, dict[str, Any], list[tuple[str, str, Any]]]
"""Id, values and pending writes."""


async def newest(owner: DocumentCheckpointer) -> Newest | None:
    found = await owner.aget_tuple(config())
    if found is None:
        return None
    return found.checkpoint["id"], found.checkpoint["channel_values"], found.pending_writes or []


class Counted(DocumentStore):
    """Counts what a store is asked for."""

    def __init__(self, inner: DocumentStore) -> None:
        self._inner = inner
        self.exclusive = inner.exclusive
        self.commits: list[Sequence[Write]] = []
        self.reads = 0

    async def get(self, path: str) -> Document | None:
        self.reads += 1
        return await self._inner.get(path)

    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        self.reads += 1
        return await self._inner.get_many(paths)

    async def query(
        self,
        collection: str,
        *,
        filters: Sequence[Filter] = (),
        order: Sequence[Order] = (),
        start_after: Sequence[FieldValue] | None = None,
        limit: int,
    ) -> list[Document]:
        self.reads += 1
        return await self._inner.query(collection, filters=filters, order=order, start_after=start_after, limit=limit)

    async def count(self, collection: str, *, filters: Sequence[Filter] = ()) -> int:
        self.reads += 1
        return await self._inner.count(collection, filters=filters)

    async def commit(self, writes: Sequence[Write]) -> None:
        self.commits.append(writes)
        await self._inner.commit(writes)

    async def close(self) -> None:
        await self._inner.close()

    @property
    def bytes_written(self) -> int:
        return sum(len(getattr(write, "body", b"")) for writes in self.commits for write in writes)
