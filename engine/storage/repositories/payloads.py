"""Payloads over the inline limit live in blobs, addressed by their sha256; what refers to one is a small object in their place."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.domain.errors import Unavailable
from engine.domain.events import DurableEvent, EphemeralEvent
from engine.storage.port import Document, DocumentStore, Put, Write

INLINE_LIMIT = 16 * 1024
"""Bytes of JSON that an event may have before its payloads are moved out."""
CHUNK = 900_000
"""Bytes in one blob document: Firestore takes 1 MiB."""
MARK = "$weft.blob"

_encoder = msgspec.json.Encoder()
encode = _encoder.encode
decode = msgspec.json.decode


def pack(event: DurableEvent, blobs: dict[str, bytes]) -> msgspec.Raw:
    """The event as JSON; large payloads are added to `blobs` by sha256. User data that looks like a reference is moved out too."""
    raw = encode(event)
    marked = MARK.encode() in raw
    if len(raw) <= INLINE_LIMIT and not marked:
        return msgspec.Raw(raw)
    changes = {}
    for field in event.PAYLOADS:
        value = getattr(event, field)
        encoded = encode(value)
        if len(encoded) > INLINE_LIMIT // 4 or (marked and MARK.encode() in encoded):
            changes[field] = reference(encoded, blobs)
    return msgspec.Raw(encode(replace(event, **changes)) if changes else raw)


def pack_value(value: Any, blobs: dict[str, bytes]) -> Any:
    """The value itself where it is small, else a reference."""
    encoded = encode(value)
    if len(encoded) <= INLINE_LIMIT // 4 and MARK.encode() not in encoded:
        return value
    return reference(encoded, blobs)


def reference(encoded: bytes, blobs: dict[str, bytes]) -> dict[str, Any]:
    """What stands for a value whose JSON this is, which is added to `blobs`."""
    sha = hashlib.sha256(encoded).hexdigest()
    blobs[sha] = encoded
    return {MARK: sha, "size": len(encoded)}


def is_reference(value: Any) -> bool:
    return isinstance(value, dict) and MARK in value


def blob_writes(root: str, blobs: dict[str, bytes]) -> list[Write]:
    """One write for each chunk. Content-addressed, so writing one again changes nothing."""
    return [
        Put(path=f"{root}/blobs/{sha}-{index:04d}", body=body[start : start + CHUNK])
        for sha, body in blobs.items()
        for index, start in enumerate(range(0, max(len(body), 1), CHUNK))
    ]


def blob_paths(root: str, referred: dict[str, Any]) -> list[str]:
    count = max(1, -(-int(referred["size"]) // CHUNK))
    return [f"{root}/blobs/{referred[MARK]}-{index:04d}" for index in range(count)]


async def load_value(store: DocumentStore, root: str, value: Any) -> Any:
    """What a value refers to; the value itself where it is no reference."""
    if not is_reference(value):
        return value
    documents = await store.get_many(blob_paths(root, value))
    return decode(_joined(documents, value[MARK]))


def _joined(documents: Sequence[Document | None], sha: str) -> bytes:
    found = [document.body for document in documents if document is not None]
    if len(found) < len(documents):
        raise Unavailable(f"blob {sha} is not complete in the store")
    return b"".join(found)


async def unpack(
    store: DocumentStore, root: str, event: DurableEvent | EphemeralEvent
) -> DurableEvent | EphemeralEvent:
    """The event with its payloads in place."""
    changes: dict[str, Any] = {}
    for field in event.PAYLOADS:
        value = getattr(event, field)
        if is_reference(value):
            changes[field] = await load_value(store, root, value)
    return replace(event, **changes) if changes else event
