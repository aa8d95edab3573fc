"""Executions in the document store: created, loaded, and changed by one commit at a time."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace as replace_struct

from engine.domain.errors import NotFound
from engine.domain.events import DurableEvent, Entry, ExecutionQueued
from engine.domain.execution import Execution, Run, begin_log, evolve
from engine.domain.ids import well_formed
from engine.storage.commit_limits import in_commits
from engine.storage.port import Create, Document, DocumentStore, Put, Write
from engine.storage.repositories.head import (
    HeadBody,
    Lease,
    Stored,
    decode_head,
    execution_path,
    fields_of,
    tail_bytes,
)
from engine.storage.repositories.head_view import HeadView, head_view
from engine.storage.repositories.lean_runs import fitting
from engine.storage.repositories.log import TAIL_LIMIT, page_writes, read_pages, read_pages_with, tail_entries
from engine.storage.repositories.nested_runs import nested_writes, read_nested
from engine.storage.repositories.payloads import blob_writes, encode, is_reference, load_value, pack, pack_value, unpack
from engine.storage.repositories.plans import Plans
from engine.storage.repositories.waits import wait_writes

EVENTS_AT_ONCE = 1000
"""Of a log that is folded: some 15 ms of work."""
HEAD_BYTES = 900_000
"""2,000 runs, the most that a workflow has steps, take some 600 KB where none failed."""
BLOBS_WITH_THE_HEAD = 1_000_000
"""Bytes of blobs that still go into the commit of the head; more are written before it, which is harmless."""


class ExecutionRepository:
    """`retention` is how long an execution is kept after its end; None is for ever."""

    def __init__(self, store: DocumentStore, plans: Plans, *, retention: timedelta | None = None) -> None:
        self._store = store
        self._plans = plans
        self._retention = retention

    # -------------------------------------------------------------- writing

    async def blank(self, tenant: str, execution_id: str, queued: ExecutionQueued) -> Stored:
        """An execution after its first event, which its first commit will create. Raises `NotFound` for its workflow version."""
        plan = await self._plans.get(tenant, queued.workflow_id, queued.version)
        return Stored(rev=0, execution=begin_log(queued, execution_id=execution_id, tenant=tenant, plan=plan))

    async def commit(
        self,
        stored: Stored,
        events: Sequence[DurableEvent],
        after: Execution,
        at: datetime,
        *,
        lease: Lease | None,
        mark: str | None = None,
        todo: tuple[str, ...] = (),
        writes: Sequence[Write] = (),
    ) -> Stored:
        """Appends events, on the condition that nobody wrote since `stored` was read; where it is blank, that nothing is there yet.
        Raises `Conflict` otherwise.

        `lease` replaces the lease; a claim is a lease with a higher epoch. `mark` replaces the mark of the last commit of an owner.
        """
        root = execution_path(after.state.tenant, after.state.id)
        blobs: dict[str, bytes] = {}
        raws = [pack(event, blobs) for event in events]
        refs = self._references(stored, after, blobs)
        flush, tail, flushed = self._tail(root, stored, raws, ended=after.state.terminal)
        next_ = Stored(
            rev=stored.rev + 1,
            execution=after,
            tail=tail,
            flushed=flushed,
            lease=lease,
            epoch=lease.epoch if lease else stored.epoch,
            mark=stored.mark if mark is None else mark,
            todo=todo,
            refs=refs,
            fresh=tuple(raws),
        )
        blob_docs = blob_writes(root, blobs)
        if sum(len(body) for body in blobs.values()) > BLOBS_WITH_THE_HEAD:
            for some in in_commits(blob_docs):
                await self._store.commit(some)
            blob_docs = []
        await self._store.commit(
            [
                self._head_write(root, stored, next_, at),
                *flush,
                *nested_writes(root, stored.execution, after, events),
                *wait_writes(stored.execution, after, events, at),
                *blob_docs,
                *writes,
            ]
        )
        return next_

    def _references(self, stored: Stored, after: Execution, blobs: dict[str, bytes]) -> dict[str, Any]:
        """What stands in the head for the input and the output; the input is looked at once, when the execution is created."""
        refs = stored.refs
        if stored.rev == 0:
            packed = pack_value(after.state.input, blobs)
            refs = {"input": packed} if is_reference(packed) else {}
        if after.state.output is not None and "output" not in refs:
            packed = pack_value(after.state.output, blobs)
            refs = {**refs, "output": packed} if is_reference(packed) else refs
        return refs

    def _tail(
        self, root: str, stored: Stored, raws: list[msgspec.Raw], *, ended: bool
    ) -> tuple[list[Write], tuple[msgspec.Raw, ...], int]:
        tail = (*stored.tail, *raws)
        if not tail or (tail_bytes(tail) <= TAIL_LIMIT and not ended):
            return [], tail, stored.flushed
        return page_writes(root, stored.flushed, tail), (), stored.flushed + len(tail)

    def _head_write(self, root: str, before: Stored, after: Stored, at: datetime) -> Write:
        execution = after.execution
        state = replace_struct(execution.state, **after.refs) if after.refs else execution.state
        head = HeadBody(
            state=state,
            tail=list(after.tail),
            flushed=after.flushed,
            lease=after.lease,
            epoch=after.epoch,
            mark=after.mark,
            todo=after.todo,
        )
        runs = {path: run for path, run in execution.runs.items() if "." not in path}
        body = fitting(runs, HEAD_BYTES, lambda some: encode(replace_struct(head, runs=some)))
        ended = execution.state.finished_at
        expire_at = ended + self._retention if ended and self._retention and not after.todo else None
        fields = fields_of(after, at, expire_at)
        if before.rev == 0:
            return Create(path=root, body=body, fields=fields)
        return Put(path=root, body=body, fields=fields, if_rev=before.rev)

    # -------------------------------------------------------------- reading

    async def load(self, tenant: str, execution_id: str, known: Stored | None = None) -> Stored | None:
        """Folds the whole log, so that everything about the execution is known; of one that is `known` as it was, what came since."""
        if not well_formed(execution_id):
            return None
        document = await self._store.get(execution_path(tenant, execution_id))
        if document is None:
            return None
        if known is not None and known.rev >= document.rev:
            known = known if known.rev == document.rev else None  # an earlier rev: it was deleted, and made again
            return known or await self.fold(document)
        return await self.fold(document, known)

    async def fold(self, document: Document, known: Stored | None = None) -> Stored:
        """The same, from a head that is at hand."""
        head = decode_head(document)
        entries = await self._entries(document.path, head, after=known.state.seq if known else 0, limit=None)
        state = head.state
        if known is not None:
            execution = known.execution
        else:
            first = entries.pop(0).event
            assert isinstance(first, ExecutionQueued)
            plan = await self._plans.get(state.tenant, first.workflow_id, first.version)
            execution = begin_log(first, execution_id=state.id, tenant=state.tenant, plan=plan)
        for start in range(0, len(entries), EVENTS_AT_ONCE):
            if start:
                await asyncio.sleep(0)  # a long log must not stop what else the process does
            some = [entry.event for entry in entries[start : start + EVENTS_AT_ONCE]]
            execution = evolve(execution, some)  # type: ignore[arg-type]  # durable: they have a seq
        refs = {name: value for name in ("input", "output") if is_reference(value := getattr(state, name))}
        return Stored(
            rev=document.rev,
            execution=execution,
            tail=tuple(head.tail),
            flushed=head.flushed,
            lease=head.lease,
            epoch=head.epoch,
            mark=head.mark,
            todo=head.todo,
            refs=refs,
        )

    async def view(self, tenant: str, execution_id: str) -> HeadView | None:
        return (await self.views(tenant, [execution_id]))[0]

    async def views(self, tenant: str, execution_ids: Sequence[str]) -> list[HeadView | None]:
        """What cannot be an id leads to nothing, like one that is not there."""
        possible = [each for each in execution_ids if well_formed(each)]
        documents = await self._store.get_many([execution_path(tenant, each) for each in possible])
        found = {document.id: head_view(document) for document in documents if document is not None}
        return [found.get(each) for each in execution_ids]

    async def entries(self, tenant: str, execution_id: str, *, after: int, limit: int | None) -> list[Entry]:
        """Entries of the log with a seq above `after`, in order, at most `limit`. Raises `NotFound`."""
        root = execution_path(tenant, execution_id)
        document = await self._store.get(root)
        if document is None:
            raise NotFound(f"there is no execution {execution_id!r}", path=("id",))
        return await self._entries(root, decode_head(document), after=after, limit=limit)

    async def entries_of(self, head: HeadView | Stored, *, after: int, limit: int) -> list[Entry]:
        """The same, as of a head that is at hand."""
        root = execution_path(head.state.tenant, head.state.id)
        return await self._entries(root, head, after=after, limit=limit)

    async def _entries(
        self, root: str, head: HeadBody | HeadView | Stored, *, after: int, limit: int | None
    ) -> list[Entry]:
        paged = await read_pages(self._store, root, after=after, upto=head.flushed, limit=limit)
        if limit is not None and len(paged) >= limit:
            return paged
        tail = [
            Entry(entry.seq, await unpack(self._store, root, entry.event))
            for entry in tail_entries(root, head.tail, head.flushed, after)
        ]
        return [*paged, *tail][:limit] if limit is not None else [*paged, *tail]

    async def entries_at(self, tenant: str, execution_id: str, seqs: Sequence[int]) -> list[Entry]:
        """The entries with these seqs (ascending), payloads in place; those that do not exist are left out."""
        root = execution_path(tenant, execution_id)
        document = await self._store.get(root)
        if document is None:
            return []
        head = decode_head(document)
        pages = await read_pages_with(self._store, root, [seq for seq in seqs if seq <= head.flushed])
        tail = [entry for entry in tail_entries(root, head.tail, head.flushed, head.flushed) if entry.seq in set(seqs)]
        return [Entry(entry.seq, await unpack(self._store, root, entry.event)) for entry in (*pages, *tail)]

    async def whole(self, tenant: str, execution_id: str, entry: Entry) -> Entry:
        """The entry with its payloads in place."""
        return Entry(entry.seq, await unpack(self._store, execution_path(tenant, execution_id), entry.event))

    async def nested_runs(self, tenant: str, execution_id: str) -> dict[str, Run]:
        return await read_nested(self._store, execution_path(tenant, execution_id))

    async def value(self, tenant: str, execution_id: str, value: Any) -> Any:
        """What a value of the state refers to."""
        return await load_value(self._store, execution_path(tenant, execution_id), value)
