"""Idempotency keys: which request a key was used for and what came of it, written in the same commit as that."""

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from engine.domain.errors import IdempotencyMismatch
from engine.storage.port import Create, DocumentStore, Write
from engine.storage.repositories.decoding import decoded


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """`request` is the sha256 of the request; `result_id` names what it created or changed."""

    request: str
    result_id: str


_decoder = msgspec.json.Decoder(Used)
_encoder = msgspec.json.Encoder(order="sorted")


class IdempotencyRepository:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def find(self, tenant: str, verb: str, key: str, request: Any) -> str | None:
        """The id that the first use of the key led to; None if it was not used. Raises `IdempotencyMismatch`."""
        document = await self._store.get(path_of(tenant, verb, key))
        if document is None:
            return None
        used = decoded(_decoder, document)
        if used.request != request_hash(request):
            message = "this idempotency key was used before with another request"
            raise IdempotencyMismatch(message, path=("idempotencyKey",), existing_id=used.result_id)
        return used.result_id


def use(tenant: str, verb: str, key: str, *, request: Any, result_id: str, expire_at: datetime) -> Write:
    """The write that makes a second use of the key a `Conflict`."""
    body = _encoder.encode(Used(request=request_hash(request), result_id=result_id))
    return Create(path=path_of(tenant, verb, key), body=body, fields={"expire_at": expire_at})


def path_of(tenant: str, verb: str, key: str) -> str:
    digest = hashlib.sha256(f"{verb}\x1f{key}".encode()).hexdigest()
    return f"tenants/{tenant}/idempotency/{digest}"


def request_hash(request: Any) -> str:
    return hashlib.sha256(_encoder.encode(request)).hexdigest()
