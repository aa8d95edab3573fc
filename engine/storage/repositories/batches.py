"""Batches: the manifest's head, and its items in chunks."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from engine.domain.batch import Batch, BatchItem
from engine.domain.errors import PayloadTooLarge, Unavailable
from engine.domain.ids import well_formed
from engine.storage.commit_limits import in_commits
from engine.storage.port import (
    Conflict,
    Create,
    Delete,
    Document,
    DocumentStore,
    FieldValue,
    Filter,
    Op,
    Order,
    Put,
    Write,
)
from engine.storage.repositories.batch_items import chunk_body, paths_outside, read_items
from engine.storage.repositories.decoding import decoded

ITEMS_PER_CHUNK = 100
LARGEST_MANIFEST = 64_000_000
"""Bytes of all items. A request of few bytes can name one variable in every item."""


class StoredBatch(msgspec.Struct, frozen=True):
    rev: int
    tenant: str
    batch: Batch


class Chunk(msgspec.Struct, frozen=True):
    number: int
    items: Sequence[BatchItem]


_batch = msgspec.json.Decoder(Batch)
_encoder = msgspec.json.Encoder()


class BatchRepository:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def create(
        self, tenant: str, batch: Batch, items: Sequence[BatchItem], due: datetime | None, writes: Sequence[Write] = ()
    ) -> None:
        """Commits the whole manifest, which admits the batch; `due` is None where nothing is left to do.
        Raises `Conflict`, `PayloadTooLarge`.
        """
        root = batch_path(tenant, batch.id)
        head = Create(path=root, body=_encoder.encode(batch), fields=_fields(batch, due))
        chunks: list[Write] = []
        blobs: list[Write] = []
        for number, (some, encoded) in enumerate(_encoded_chunks(items)):
            body, outside = chunk_body(root, encoded)
            chunks.append(_chunk_write(root, number, some, body))
            blobs.extend(outside)
        await self._commit_all(blobs)
        try:
            await self._store.commit([head, *chunks, *writes])
        except Conflict:
            await self._commit_all([Delete(path=blob.path) for blob in blobs])
            raise

    async def save(self, before: StoredBatch, after: Batch, due: datetime | None, chunk: Chunk) -> None:
        """The head together with one chunk. Raises `Conflict` if somebody else wrote the head since `before`."""
        root = batch_path(before.tenant, after.id)
        head = Put(path=root, body=_encoder.encode(after), fields=_fields(after, due), if_rev=before.rev)
        body, blobs = chunk_body(root, _encoder.encode(list(chunk.items)))
        left = paths_outside(root, await self._store.get(_chunk_path(root, chunk.number)))
        await self._commit_all(blobs)
        await self._store.commit([head, _chunk_write(root, chunk.number, chunk.items, body)])
        await self._commit_all([Delete(path=path) for path in sorted(left - {blob.path for blob in blobs})])

    async def _commit_all(self, writes: Sequence[Write]) -> None:
        for some in in_commits(writes):
            await self._store.commit(some)

    async def get(self, tenant: str, batch_id: str) -> StoredBatch | None:
        return (await self.get_many(tenant, [batch_id]))[0]

    async def get_many(self, tenant: str, ids: Sequence[str]) -> list[StoredBatch | None]:
        possible = [each for each in ids if well_formed(each)]
        documents = await self._store.get_many([batch_path(tenant, each) for each in possible])
        found = {document.id: stored_batch(document) for document in documents if document is not None}
        return [found.get(each) for each in ids]

    async def chunk(self, tenant: str, batch_id: str, number: int) -> list[BatchItem]:
        """Empty behind the last one."""
        root = batch_path(tenant, batch_id)
        document = await self._store.get(_chunk_path(root, number))
        if document is None:
            return []
        try:
            return await read_items(self._store, root, document)
        except Unavailable:
            again = await self._store.get(document.path)
            if again is None or again.rev == document.rev:
                raise
            return await read_items(self._store, root, again)  # written in between

    async def chunks_with_errors(self, tenant: str, batch_id: str, *, limit: int) -> list[list[BatchItem]]:
        root = batch_path(tenant, batch_id)
        documents = await self._store.query(
            f"{root}/chunks",
            filters=(Filter("has_errors", Op.EQ, True),),  # noqa: FBT003  # a filter's value
            order=(Order("n"),),
            limit=limit,
        )
        return [await read_items(self._store, root, document) for document in documents]

    async def due(self, now: datetime, *, limit: int) -> list[Document]:
        """The heads of batches of all tenants that have something left to do."""
        return await self._store.query(
            "batches", filters=(Filter("due_at", Op.LE, now),), order=(Order("due_at"),), limit=limit
        )


def stored_batch(document: Document) -> StoredBatch:
    """Raises `IncompatibleData`."""
    return StoredBatch(document.rev, document.path.split("/")[1], decoded(_batch, document))


def batch_path(tenant: str, batch_id: str) -> str:
    return f"tenants/{tenant}/batches/{batch_id}"


def _fields(batch: Batch, due: datetime | None) -> dict[str, FieldValue]:
    return {"created_at": batch.created_at, "due_at": due}


def _chunk_path(root: str, number: int) -> str:
    return f"{root}/chunks/{number:06d}"


def _chunk_write(root: str, number: int, items: Sequence[BatchItem], body: bytes) -> Write:
    has_errors = any(item.error for item in items)
    return Put(path=_chunk_path(root, number), body=body, fields={"n": number, "has_errors": has_errors})


def _encoded_chunks(items: Sequence[BatchItem]) -> list[tuple[Sequence[BatchItem], bytes]]:
    """Raises `PayloadTooLarge`."""
    chunks = []
    left = LARGEST_MANIFEST
    for start in range(0, len(items), ITEMS_PER_CHUNK):
        some = items[start : start + ITEMS_PER_CHUNK]
        chunks.append((some, _encoder.encode(list(some))))
        left -= len(chunks[-1][1])
        if left < 0:
            message = f"the items have more than {LARGEST_MANIFEST:,} bytes of JSON, which is the limit of a batch"
            raise PayloadTooLarge(message, path=("items",))
    return chunks
