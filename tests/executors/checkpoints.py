"""Checkpoints for tests."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from engine.executors.checkpointer import DocumentCheckpointer
from engine.storage.port import DocumentStore

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
