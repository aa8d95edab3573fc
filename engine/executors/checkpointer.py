"""LangGraph's checkpointer over the engine's own store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any
from weakref import WeakValueDictionary

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    PendingWrite,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from engine.executors import checkpoint_upkeep as upkeep
from engine.executors.bridged_saver import BridgedSaver
from engine.executors.checkpoint_documents import CheckpointDocuments
from engine.executors.checkpoint_epochs import EpochView, Head
from engine.executors.checkpoint_layout import SavedCheckpoint, Series, TaskWrites, task_position
from engine.storage.port import DocumentStore


class DocumentCheckpointer(BridgedSaver):
    """Keeps checkpoints under `{root_path}/checkpoints`, written by the owner of the lease of this `epoch`.

    Reads see the newest checkpoint of the own epoch; before there is one, that of the newest earlier epoch, as it was
    when this instance first looked. So what a former owner goes on writing is never seen. Two instances of one epoch
    must not write to the same thread at the same time.

    `on_saved` is called with the id of every checkpoint of a root graph, or of a graph that a function calls, once it is
    durable. `in_force` says whether the lease is; it is asked before every write, which raises
    `Unavailable` if it is not. Values of types other than
    LangGraph's and LangChain's own come back as the plain data they consist of (the serializer's strict mode):
    otherwise whoever can write to the store could run code in the worker.

    Raises `Unavailable` where the store does not answer, and `LostPart` where something in it has disappeared.
    """

    def __init__(
        self,
        store: DocumentStore,
        root_path: str,
        epoch: int,
        on_saved: Callable[[str], None] | None = None,
        in_force: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._documents = CheckpointDocuments(store, root_path)
        self._execution_id = root_path.rpartition("/")[2]
        self._on_saved = on_saved
        self._view = EpochView(self._documents, epoch, in_force)
        self._locks: WeakValueDictionary[tuple[Series, str], asyncio.Lock] = WeakValueDictionary()

    # ------------------------------------------------------------------ reading

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        series = _series(config)
        wanted = get_checkpoint_id(config)
        saved = await (self._view.newest(series) if wanted is None else self._view.saved(series, wanted))
        return None if saved is None else await self._tuple(series, saved)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the name in LangGraph's interface
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        wanted = get_checkpoint_id(config) if config else None
        bound = get_checkpoint_id(before) if before else None
        left = limit
        for series in await self._all_series(config):
            async for saved in self._view.history(series):
                if left is not None and left <= 0:
                    return
                if (wanted and saved.id != wanted) or (bound and saved.id >= bound):
                    continue
                metadata = self._metadata(saved)
                if all(metadata.get(key) == value for key, value in (filter or {}).items()):
                    left = None if left is None else left - 1
                    yield await self._tuple(series, saved)

    async def _all_series(self, config: RunnableConfig | None) -> list[Series]:
        if config is not None and config["configurable"].get("checkpoint_ns") is not None:
            return [_series(config)]
        thread = {"thread": str(config["configurable"]["thread_id"])} if config else {}
        return await self._documents.series(**thread)

    async def _tuple(self, series: Series, saved: SavedCheckpoint) -> CheckpointTuple:
        checkpoint: Checkpoint = self.serde.loads_typed(saved.checkpoint)
        checkpoint["channel_versions"] = dict(saved.versions)
        checkpoint["channel_values"] = await self._values(series, saved)
        return CheckpointTuple(
            config=_config(series, saved.id),
            checkpoint=checkpoint,
            metadata=self._metadata(saved),
            parent_config=_config(series, saved.parent) if saved.parent else None,
            pending_writes=self._pending(saved.writes),
        )

    async def _values(self, series: Series, saved: SavedCheckpoint) -> dict[str, Any]:
        held = await self._documents.holders(series, set(saved.holders.values()) - {saved.position})
        held[saved.position] = saved
        return {
            channel: self.serde.loads_typed(held[position].values[channel])
            for channel, position in saved.holders.items()
        }

    def _metadata(self, saved: SavedCheckpoint) -> CheckpointMetadata:
        metadata: CheckpointMetadata = self.serde.loads_typed(saved.metadata)
        return metadata

    def _pending(self, written: Iterable[TaskWrites]) -> list[PendingWrite]:
        rows = [
            (writes_sort_key(task.task_path, task.task_id, index), task.task_id, channel, value)
            for task in written
            for index, (channel, value) in task.writes.items()
        ]
        return [
            (task_id, channel, self.serde.loads_typed(value))
            for _, task_id, channel, value in sorted(rows, key=lambda row: row[0])
        ]

    # ------------------------------------------------------------------ writing

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002 - what is new follows from the parent, also on a branch of history
    ) -> RunnableConfig:
        series = _series(config)
        head = await self._view.head(series)
        parent = get_checkpoint_id(config)
        position = self._view.position(head, checkpoint["id"])
        versions = checkpoint["channel_versions"]
        kept = head.unchanged(parent, versions)
        values = {
            channel: self.serde.dumps_typed(value)
            for channel, value in checkpoint["channel_values"].items()
            if channel not in kept
        }
        kept = {channel: holder for channel, holder in kept.items() if channel in checkpoint["channel_values"]}
        described = get_checkpoint_metadata(config, metadata)
        saved = SavedCheckpoint(
            ns=series.ns,
            id=checkpoint["id"],
            position=position,
            parent=parent,
            versions=versions,
            checkpoint=self.serde.dumps_typed({**checkpoint, "channel_values": {}, "channel_versions": {}}),
            metadata=self.serde.dumps_typed(described),
            values=values,
            holders=kept | dict.fromkeys(values, position),
            adoption=head.adoption,
        )
        await self._view.commit(series, head, self._documents.put(series, position, saved, run=described.get("run_id")))
        head.advance(saved)
        if self._on_saved is not None and (not series.ns or self._called_by_function(series.ns)):
            self._on_saved(saved.id)
        return _config(series, saved.id)

    def _called_by_function(self, ns: str) -> bool:
        """See `engine.executors.runtime_context`: such a graph is a subgraph of the function, and may have a number behind a bar."""
        caller, _, number = ns.partition("|")
        return caller.endswith(f":{self._execution_id}") and (not number or number.isdigit())

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        series = _series(config)
        head = await self._view.head(series)
        checkpoint_id = config["configurable"]["checkpoint_id"]
        at = task_position(self._view.position(head, checkpoint_id), task_id)
        # A task writes several times to its one document: the later body has to be the later one in the store, too.
        async with self._locks.setdefault((series, at), asyncio.Lock()):
            known = await self._written(series, head, checkpoint_id, task_id)
            merged = dict(known.writes) if known else {}
            for index, (channel, value) in enumerate(writes):
                slot = WRITES_IDX_MAP.get(channel, index)
                if slot < 0 or slot not in merged:
                    merged[slot] = (channel, self.serde.dumps_typed(value))
            written = TaskWrites(task_id=task_id, task_path=task_path, writes=merged)
            await self._view.commit(series, head, self._documents.put(series, at, written))
            head.written[checkpoint_id, task_id] = written

    async def _written(self, series: Series, head: Head, checkpoint_id: str, task_id: str) -> TaskWrites | None:
        if checkpoint_id == head.id or (checkpoint_id, task_id) in head.written:
            return head.written.get((checkpoint_id, task_id))
        return await self._documents.task(series, self._view.position(head, checkpoint_id), task_id)

    # ------------------------------------------------------------------ upkeep

    async def adelete_thread(self, thread_id: str) -> None:
        await upkeep.delete_thread(self._documents, str(thread_id))
        self._view.forget({str(thread_id)})

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        self._view.forget(await upkeep.delete_runs(self._documents, run_ids))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await upkeep.copy_thread(self._documents, str(source_thread_id), str(target_thread_id))
        self._view.forget({str(target_thread_id)})

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """`keep_latest` leaves the newest checkpoint of each namespace, `delete` none. Raises ValueError for others."""
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"strategy {strategy!r} is neither 'keep_latest' nor 'delete'")
        for thread_id in thread_ids:
            if strategy == "delete":
                await self.adelete_thread(thread_id)
            else:
                await upkeep.keep_newest(self._documents, str(thread_id), self._metadata)


def _series(config: RunnableConfig) -> Series:
    configurable = config["configurable"]
    return Series(str(configurable["thread_id"]), configurable.get("checkpoint_ns") or "")


def _config(series: Series, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": series.thread, "checkpoint_ns": series.ns, "checkpoint_id": checkpoint_id}}
