"""LangGraph's long-term memory over the engine's own store."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
)

from engine.domain.errors import PayloadTooLarge
from engine.executors.loop_bridge import LoopBridge
from engine.executors.memory_filters import matches_filter, matches_namespace
from engine.storage.commit_limits import in_commits
from engine.storage.port import (
    MAX_BODY_BYTES,
    Conflict,
    Delete,
    Document,
    DocumentStore,
    FieldValue,
    Filter,
    Order,
    Put,
    Write,
)
from engine.storage.port import Op as Compare

_PAGE = 100
_SEPARATOR = "\x1f"
_BEHIND = "\x20"
"""The character after the separator: bounds the namespaces that begin with a prefix."""

Namespace = tuple[str, ...]


class Memory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a document. `ttl_minutes` counts from the last read or write."""

    namespace: Namespace
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    ttl_minutes: float | None = None


_decoder = msgspec.json.Decoder(Memory)


class DocumentMemory(BaseStore):
    """Keeps items under `tenants/{tenant}/memory`. Values are JSON objects of at most 1 MB (`PayloadTooLarge`).

    A search without filter reads what it returns and what it skips; one with a filter reads the namespace until it has
    enough. The newest items come first. There is no index by meaning, so `query` and `index` have no effect, as
    LangGraph prescribes. Expired items are not seen. A batch reads what was there before it, and its last write to a
    key counts.

    Must be made on the event loop. The synchronous methods are for code in threads, and refuse to be called on the
    loop.
    """

    __slots__ = ("_bridge", "_collection", "_now", "_store")

    supports_ttl = True

    def __init__(
        self, store: DocumentStore, tenant: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._collection = f"tenants/{tenant}/memory"
        self._now = now
        self._bridge = LoopBridge()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        return self._bridge.run(self.abatch(ops), instead="the method of the same name with an `a` in front")

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        results: list[Result] = []
        puts: dict[str, PutOp] = {}
        for op in ops:
            match op:
                case GetOp():
                    results.append(await self._get(op))
                case SearchOp():
                    results.append(await self._search(op))
                case ListNamespacesOp():
                    results.append(await self._namespaces(op))
                case PutOp():
                    puts[self._path(op.namespace, op.key)] = op
                    results.append(None)
        await self._put(puts)
        return results

    async def _get(self, op: GetOp) -> Item | None:
        document = await self._store.get(self._path(op.namespace, op.key))
        if document is None or self._expired(document):
            return None
        if op.refresh_ttl:
            await self._refresh([document])
        memory = _decoder.decode(document.body)
        return Item(
            value=memory.value,
            key=memory.key,
            namespace=memory.namespace,
            created_at=memory.created_at,
            updated_at=memory.updated_at,
        )

    async def _search(self, op: SearchOp) -> list[SearchItem]:
        found: list[tuple[Document, Memory]] = []
        skipped = 0
        async for document in self._newest_first(op.namespace_prefix, page=min(_PAGE, max(1, op.offset + op.limit))):
            if len(found) >= op.limit:
                break
            memory = _decoder.decode(document.body)
            if self._expired(document) or not matches_filter(memory.value, op.filter or {}):
                continue
            if skipped < op.offset:
                skipped += 1
            else:
                found.append((document, memory))
        if op.refresh_ttl:
            await self._refresh([document for document, _ in found])
        return [
            SearchItem(memory.namespace, memory.key, memory.value, memory.created_at, memory.updated_at)
            for _, memory in found
        ]

    async def _newest_first(self, prefix: Namespace, *, page: int) -> AsyncIterator[Document]:
        filters = [Filter("prefixes", Compare.CONTAINS, _joined(prefix))] if prefix else []
        order = (Order("updated_at", descending=True),)
        after: list[FieldValue] | None = None
        while True:
            documents = await self._store.query(
                self._collection, filters=filters, order=order, start_after=after, limit=page
            )
            for document in documents:
                yield document
            if len(documents) < page:
                return
            after, page = [documents[-1].fields["updated_at"], documents[-1].id], _PAGE

    async def _put(self, puts: dict[str, PutOp]) -> None:
        known = dict(zip(puts, await self._store.get_many(list(puts)), strict=True)) if puts else {}
        for writes in in_commits([self._write(path, op, known[path]) for path, op in puts.items()]):
            await self._store.commit(writes)

    def _write(self, path: str, op: PutOp, known: Document | None) -> Write:
        if op.value is None:
            return Delete(path=path)
        now = self._now()
        fresh = known is None or self._expired(known)
        memory = Memory(
            namespace=op.namespace,
            key=op.key,
            value=dict(op.value),
            created_at=now if fresh or known is None else _decoder.decode(known.body).created_at,
            updated_at=now,
            ttl_minutes=op.ttl,
        )
        body = msgspec.json.encode(memory)
        if len(body) > MAX_BODY_BYTES:
            raise PayloadTooLarge(f"the memory {op.key!r} has {len(body)} bytes; at most {MAX_BODY_BYTES} can be kept")
        return Put(path=path, body=body, fields=self._fields(memory))

    def _fields(self, memory: Memory) -> dict[str, FieldValue]:
        namespace = memory.namespace
        return {
            "prefixes": tuple(_joined(namespace[:depth]) for depth in range(1, len(namespace) + 1)),
            "namespace": _joined(namespace),
            "updated_at": memory.updated_at,
            "expire_at": None if memory.ttl_minutes is None else self._now() + timedelta(minutes=memory.ttl_minutes),
        }

    async def _refresh(self, documents: Sequence[Document]) -> None:
        """Moves the time of expiry. A document that was written since has a new one already."""
        for document in documents:
            if document.fields.get("expire_at") is None:
                continue
            fields = self._fields(_decoder.decode(document.body))
            try:
                await self._store.commit(
                    [Put(path=document.path, body=document.body, fields=fields, if_rev=document.rev)]
                )
            except Conflict:
                continue

    def _expired(self, document: Document) -> bool:
        until = document.fields.get("expire_at")
        return isinstance(until, datetime) and until <= self._now()

    async def _namespaces(self, op: ListNamespacesOp) -> list[Namespace]:
        conditions = op.match_conditions or ()
        found: dict[Namespace, None] = {}
        async for namespace in self._all_namespaces(_common_prefix(conditions)):
            if all(matches_namespace(condition, namespace) for condition in conditions):
                found[namespace[: op.max_depth]] = None
        return sorted(found)[op.offset : op.offset + op.limit]

    async def _all_namespaces(self, prefix: Namespace) -> AsyncIterator[Namespace]:
        """Leaps from one namespace to the next, so that the items in between are not read."""
        start, end = _joined(prefix), _joined(prefix) + _BEHIND if prefix else None
        bounds = [Filter("namespace", Compare.LT, end)] if end else []
        after: list[FieldValue] | None = None
        since = Filter("namespace", Compare.GE, start)
        while documents := await self._store.query(
            self._collection, filters=[since, *bounds], order=(Order("namespace"),), start_after=after, limit=1
        ):
            (document,) = documents
            if self._expired(document):
                after = [document.fields["namespace"], document.id]
                continue
            yield _decoder.decode(document.body).namespace
            since, after = Filter("namespace", Compare.GT, document.fields["namespace"]), None

    def _path(self, namespace: Namespace, key: str) -> str:
        identity = msgspec.json.encode((namespace, key))
        return f"{self._collection}/{hashlib.sha256(identity).hexdigest()[:40]}"


def _joined(namespace: Namespace) -> str:
    return _SEPARATOR.join(namespace)


def _common_prefix(conditions: Sequence[MatchCondition]) -> Namespace:
    """What all matching namespaces begin with, up to the first wildcard."""
    for condition in conditions:
        if condition.match_type == "prefix":
            path = condition.path
            return tuple(path[: path.index("*")] if "*" in path else path)
    return ()
