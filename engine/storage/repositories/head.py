"""The head of an execution: one document that says how it stands, with the newest events of its log.

An ordinary commit writes this document alone. Large values are references (see `payloads.py`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

import msgspec

from engine.domain.execution import Execution, Run, State, next_due
from engine.domain.status import ExecutionStatus
from engine.storage.port import Document, FieldValue
from engine.storage.repositories.decoding import IncompatibleData, decoded

SHARDS = 16
FORMAT = 1


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Who drives the execution, until when. `epoch` is the fencing token: every claim raises it."""

    owner: str
    epoch: int
    until: datetime


class HeadBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`flushed` is the seq of the last event that is in a page; `tail` holds those after it. `epoch` survives the lease. `mark` is
    that of the last commit of an owner: whoever was not answered sees by it whether the commit was applied.

    `todo` names what is left to do after the end, such as telling the parent.
    """

    format: int = FORMAT
    state: State
    runs: dict[str, Run] = {}
    tail: list[msgspec.Raw] = []
    flushed: int = 0
    lease: Lease | None = None
    epoch: int = 0
    mark: str = ""
    todo: tuple[str, ...] = ()


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as it is stored, folded. `rev` is the head's; `refs` are the references that stand for large values of the state."""

    rev: int
    execution: Execution
    tail: tuple[msgspec.Raw, ...] = ()
    flushed: int = 0
    lease: Lease | None = None
    epoch: int = 0
    mark: str = ""
    todo: tuple[str, ...] = ()
    refs: dict[str, Any] = {}
    fresh: tuple[msgspec.Raw, ...] = ()
    """What the commit that made this wrote."""

    @property
    def state(self) -> State:
        return self.execution.state


_decoder = msgspec.json.Decoder(HeadBody)


def execution_path(tenant: str, execution_id: str) -> str:
    return f"tenants/{tenant}/executions/{execution_id}"


def decode_head(document: Document) -> HeadBody:
    """Raises `IncompatibleData` for a head that another version of the software wrote; it is left as it is."""
    head = decoded(_decoder, document)
    if head.format > FORMAT:
        raise IncompatibleData(f"{document.path} has format {head.format}; this version of weft knows {FORMAT}")
    return head


def shard_of(execution_id: str) -> str:
    return f"{crc32(execution_id.encode()) % SHARDS:02d}"


def fields_of(stored: Stored, at: datetime, expire_at: datetime | None) -> dict[str, FieldValue]:
    state = stored.state
    return {
        "workflow_id": state.workflow_id,
        "parent_id": state.parent_id,
        "trigger_id": state.trigger_id,
        "batch_id": state.batch_id,
        "concurrency_key": state.concurrency_key,
        "lane": state.lane,
        "status": state.status.value,
        "labels": label_set(state.labels),
        "created_at": state.created_at,
        "priority": state.priority,
        "shard": shard_of(state.id),
        "due_at": due_at(stored, at),
        "lease_until": stored.lease.until if stored.lease else None,
        "queued_lane": state.lane if waits_in_lane(stored, at) else None,
        "expire_at": expire_at,
    }


def label_set(labels: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in sorted(labels.items()))


def waits_in_lane(stored: Stored, at: datetime) -> bool:
    """Whether nothing but room keeps it from being claimed."""
    state = stored.state
    ready = state.not_before is None or state.not_before <= at
    return state.status is ExecutionStatus.QUEUED and state.admitted and ready and stored.lease is None


def due_at(stored: Stored, at: datetime) -> datetime | None:
    """When a worker should look at this head without being told. What waits in its lane is not among the due, where a long
    backlog would hide everybody's timers: it is found by its lane.
    """
    state = stored.state
    if state.terminal:
        return at if stored.todo else None
    if stored.lease is not None:
        return stored.lease.until
    if state.status is ExecutionStatus.QUEUED:
        ready = None if not state.admitted or waits_in_lane(stored, at) else state.not_before
        return min((moment for moment in (ready, state.deadline) if moment is not None), default=None)
    if state.status is ExecutionStatus.RUNNING:
        return at
    return next_due(stored.execution)


def wants_worker(stored: Stored, at: datetime) -> bool:
    """Whether a worker should look at it at once."""
    due = due_at(stored, at)
    return waits_in_lane(stored, at) or (due is not None and due <= at)


def tail_bytes(tail: Sequence[msgspec.Raw]) -> int:
    return sum(len(raw) for raw in tail)
