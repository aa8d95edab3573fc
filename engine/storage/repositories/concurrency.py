"""Who holds a concurrency key: one document for each workflow and key, changed in the same commit as the execution it admits."""

import hashlib

import msgspec

from engine.storage.port import Create, DocumentStore, Put
from engine.storage.repositories.decoding import decoded


class Holders(msgspec.Struct, frozen=True):
    """`ids` are the live executions that hold the key."""

    ids: tuple[str, ...] = ()


class StoredHolders(msgspec.Struct, frozen=True):
    path: str
    rev: int
    ids: tuple[str, ...]


_decoder = msgspec.json.Decoder(Holders)
_encoder = msgspec.json.Encoder()


def key_of(workflow_id: str, key: str) -> str:
    """A fixed-length name for a workflow's key."""
    return hashlib.sha256(f"{workflow_id}\x1f{key}".encode()).hexdigest()


class ConcurrencyRepository:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def holders(self, tenant: str, key: str) -> StoredHolders:
        path = f"tenants/{tenant}/concurrency/{key}"
        document = await self._store.get(path)
        if document is None:
            return StoredHolders(path, 0, ())
        return StoredHolders(path, document.rev, decoded(_decoder, document).ids)


def holders_write(before: StoredHolders, ids: tuple[str, ...]) -> Create | Put:
    """A `Conflict` if somebody else changed the holders since `before`. An empty document stays: deleted and made again, it would
    have a rev that somebody read before.
    """
    body = _encoder.encode(Holders(ids))
    if before.rev == 0:
        return Create(path=before.path, body=body)
    return Put(path=before.path, body=body, if_rev=before.rev)
