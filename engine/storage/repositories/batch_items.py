"""The items of a batch as chunk documents keep them: in place, or, where they are large, in blobs beside the chunks."""

import msgspec

from engine.domain.batch import BatchItem
from engine.storage.port import Document, DocumentStore, Write
from engine.storage.repositories.decoding import decoded
from engine.storage.repositories.payloads import blob_paths, blob_writes, decode, encode, load_value, reference

LARGEST_IN_PLACE = 100_000
"""Bytes of a chunk. All chunks are admitted in one commit, and there are some ten of them."""

_items = msgspec.json.Decoder(list[BatchItem])


def chunk_body(root: str, items: bytes) -> tuple[bytes, list[Write]]:
    """The document's body, and what is to be written before it. `root` is the batch's path, `items` are encoded."""
    if len(items) <= LARGEST_IN_PLACE:
        return items, []
    blobs: dict[str, bytes] = {}
    return encode(reference(items, blobs)), blob_writes(root, blobs)


async def read_items(store: DocumentStore, root: str, chunk: Document) -> list[BatchItem]:
    """Raises `Unavailable` where the items are not where the document says, as after it was written again."""
    if _in_place(chunk):
        return decoded(_items, chunk)
    return msgspec.convert(await load_value(store, root, decode(chunk.body)), list[BatchItem])


def paths_outside(root: str, chunk: Document | None) -> set[str]:
    """Of the blobs that a chunk's document refers to."""
    return set() if chunk is None or _in_place(chunk) else set(blob_paths(root, decode(chunk.body)))


def _in_place(chunk: Document) -> bool:
    return chunk.body.startswith(b"[")
