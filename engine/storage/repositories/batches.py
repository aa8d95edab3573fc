"""Batches: the manifest's head, and its items in chunks."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from engine.domain.batch import Batch, BatchItem
from engine.domain.ids import well_formed
from engine.storage.port import Create, Document, DocumentStore, FieldValue, Filter, Op, Order, Put, Write

ITEMS_PER_CHUNK = 100


class StoredBatch(msgspec.Struct, frozen=True):
    rev: int
    tenant: str
    batch: Batch


class Chunk(msgspec.Struct, frozen=True):
    number: int
    items: Sequence[BatchItem]


_batch = msgspec.json.Decoder(Batch)
_items = msgspec.json.Decoder(list[BatchItem])
_encoder = msgspec.json.Encoder()


class BatchRepository:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def create(
        self, tenant: str, batch: Batch, items: Sequence[BatchItem], due: datetime | None, writes: Sequence[Write] = ()
    ) -> None:
        """Commits the whole manifest, which admits the batch; `due` is None where nothing is left to do. Raises `Conflict`."""
        root = batch_path(tenant, batch.id)
        head = Create(path=root, body=_encoder.encode(batch), fields=_fields(batch, due))
        starts = range(0, len(items), ITEMS_PER_CHUNK)
        chunks = [
            _chunk_write(root, start // ITEMS_PER_CHUNK, items[start : start + ITEMS_PER_CHUNK]) for start in starts
        ]
        await self._store.commit([head, *chunks, *writes])

    async def save(self, before: StoredBatch, after: Batch, due: datetime | None, chunk: Chunk) -> None:
        """The head together with one chunk. Raises `Conflict` if somebody else wrote the head since `before`."""
        path = batch_path(before.tenant, after.id)
        head = Put(path=path, body=_encoder.encode(after), fields=_fields(after, due), if_rev=before.rev)
        await self._store.commit([head, _chunk_write(path, chunk.number, chunk.items)])

    async def get(self, tenant: str, batch_id: str) -> StoredBatch | None:
        return (await self.get_many(tenant, [batch_id]))[0]

    async def get_many(self, tenant: str, ids: Sequence[str]) -> list[StoredBatch | None]:
        possible = [each for each in ids if well_formed(each)]
        documents = await self._store.get_many([batch_path(tenant, each) for each in possible])
        found = {document.id: stored_batch(document) for document in documents if document is not None}
        return [found.get(each) for each in ids]

    async def chunk(self, tenant: str, batch_id: str, number: int) -> list[BatchItem]:
        """Empty behind the last one."""
        document = await self._store.get(_chunk_path(batch_path(tenant, batch_id), number))
        return _items.decode(document.body) if document else []

    async def chunks_with_errors(self, tenant: str, batch_id: str, *, limit: int) -> list[list[BatchItem]]:
        documents = await self._store.query(
            f"{batch_path(tenant, batch_id)}/chunks",
            filters=(Filter("has_errors", Op.EQ, True),),  # noqa: FBT003  # a filter's value
            order=(Order("n"),),
            limit=limit,
        )
        return [_items.decode(document.body) for document in documents]

    async def due(self, now: datetime, *, limit: int) -> list[StoredBatch]:
        """Batches of all tenants that have something left to do."""
        documents = await self._store.query(
            "batches", filters=(Filter("due_at", Op.LE, now),), order=(Order("due_at"),), limit=limit
        )
        return [stored_batch(document) for document in documents]


def stored_batch(document: Document) -> StoredBatch:
    return StoredBatch(document.rev, document.path.split("/")[1], _batch.decode(document.body))


def batch_path(tenant: str, batch_id: str) -> str:
    return f"tenants/{tenant}/batches/{batch_id}"


def _fields(batch: Batch, due: datetime | None) -> dict[str, FieldValue]:
    return {"created_at": batch.created_at, "due_at": due}


def _chunk_path(root: str, number: int) -> str:
    return f"{root}/chunks/{number:06d}"


def _chunk_write(root: str, number: int, items: Sequence[BatchItem]) -> Write:
    has_errors = any(item.error for item in items)
    return Put(
        path=_chunk_path(root, number),
        body=_encoder.encode(list(items)),
        fields={"n": number, "has_errors": has_errors},
    )
