"""Reads and writes the documents of checkpoints; `checkpoint_layout.py` says which there are."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from engine.executors.checkpoint_layout import (
    COLLECTION,
    Body,
    SavedCheckpoint,
    Series,
    Split,
    TaskWrites,
    document_id,
    task_position,
    without_task,
)
from engine.storage.commit_limits import in_commits
from engine.storage.port import Document, DocumentStore, FieldValue, Filter, Op, Order, Put, Write

LARGEST_BODY = 900_000
"""Bytes of one document, well under Firestore's 1 MiB."""
_PAGE = 100

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[SavedCheckpoint | TaskWrites | Split] = msgspec.msgpack.Decoder(
    SavedCheckpoint | TaskWrites | Split
)


class CheckpointDocuments:
    """Reads and writes the documents under one execution."""

    def __init__(self, store: DocumentStore, root_path: str) -> None:
        self._store = store
        self._collection = f"{root_path}/{COLLECTION}"

    def path(self, identifier: str) -> str:
        return f"{self._collection}/{identifier}"

    def put(self, series: Series, at: str, body: Body, *, run: str | None = None) -> list[Put]:
        """The writes that store a body: parts before the document that needs them."""
        data = _encoder.encode(body)
        path = self.path(document_id(series, at))
        fields: dict[str, FieldValue] = {"series": series.key, "at": at, "thread": series.thread}
        if run is not None:
            fields["run"] = run
        if len(data) <= LARGEST_BODY:
            return [Put(path=path, body=data, fields=fields)]
        split, pieces = _split(data)
        parts = [
            Put(path=_part(path, split, n), body=piece, fields={"thread": series.thread})
            for n, piece in enumerate(pieces)
        ]
        return [*parts, Put(path=path, body=_encoder.encode(split), fields=fields)]

    async def commit(self, writes: Iterable[Write]) -> None:
        """In order; in one commit unless they are too many or too large for one."""
        for group in in_commits(writes):
            await self._store.commit(group)

    async def bodies(self, documents: Sequence[Document]) -> list[Body]:
        """What the documents hold, with split ones put together."""
        found = [_decoder.decode(document.body) for document in documents]
        paths = [
            _part(document.path, body, n)
            for document, body in zip(documents, found, strict=True)
            if isinstance(body, Split)
            for n in range(body.count)
        ]
        if not paths:
            return [body for body in found if not isinstance(body, Split)]
        parts = iter(await self._store.get_many(paths))
        return [_joined(body, parts) if isinstance(body, Split) else body for body in found]

    async def holders(self, series: Series, positions: Iterable[str]) -> dict[str, SavedCheckpoint]:
        """The checkpoints at these positions, also those that only hold values for others any more."""
        wanted = sorted(set(positions))
        if not wanted:
            return {}
        found = await self._store.get_many([self.path(document_id(series, position)) for position in wanted])
        bodies = await self.bodies([document for document in found if document is not None])
        return {body.position: body for body in bodies if isinstance(body, SavedCheckpoint)}

    async def newest(
        self, series: Series, *, since: str = "", before: str, page: int = _PAGE
    ) -> SavedCheckpoint | None:
        """The newest checkpoint in a range of positions, with all that was written after it in `writes`."""
        rows: list[Document] = []
        after: list[FieldValue] | None = None
        filters = [_is("series", series.key), Filter("at", Op.GE, since), Filter("at", Op.LT, before)]
        while True:
            found = await self._store.query(
                self._collection, filters=filters, order=_NEWEST_FIRST, start_after=after, limit=page
            )
            for document in found:
                if without_task(document.id) == document.id:
                    return await self._with_writes(document, rows)
                rows.append(document)
            if len(found) < page:
                return None
            after, page = [found[-1].fields["at"], found[-1].id], _PAGE

    async def at(self, series: Series, position: str) -> SavedCheckpoint | None:
        """The checkpoint at a position, with its writes."""
        return await self.newest(series, since=position, before=f"{position},")  # behind `+`, before any other position

    async def _with_writes(self, document: Document, rows: Sequence[Document]) -> SavedCheckpoint:
        # Writes may have been stored before the checkpoint they belong to, and stay alone if the process died in
        # between.
        own = [row for row in rows if without_task(row.id) == document.id]
        checkpoint, *written = await self.bodies([document, *own])
        assert isinstance(checkpoint, SavedCheckpoint)
        tasks = {each.task_id: each for each in checkpoint.writes}
        tasks.update({each.task_id: each for each in written if isinstance(each, TaskWrites)})
        return replace(checkpoint, writes=tuple(tasks.values()))

    async def task(self, series: Series, position: str, task_id: str) -> TaskWrites | None:
        document = await self._store.get(self.path(document_id(series, task_position(position, task_id))))
        if document is None:
            return None
        (body,) = await self.bodies([document])
        return body if isinstance(body, TaskWrites) else None

    async def series(self, **fields: str) -> list[Series]:
        """Those of one thread, or of all."""
        found = await self.find(**fields)
        whole = [document for document in found if "series" in document.fields]
        bodies = await self.bodies(whole)
        named = {
            Series(str(document.fields["thread"]), body.ns)
            for document, body in zip(whole, bodies, strict=True)
            if isinstance(body, SavedCheckpoint)
        }
        return sorted(named)

    async def find(self, **fields: str) -> list[Document]:
        """Every document with these values, ordered by id."""
        found: list[Document] = []
        filters = [_is(field, value) for field, value in fields.items()]
        while True:
            after = [found[-1].id] if found else None
            page = await self._store.query(self._collection, filters=filters, start_after=after, limit=_PAGE)
            found += page
            if len(page) < _PAGE:
                return found


_NEWEST_FIRST = (Order("at", descending=True),)


def _is(field: str, value: str) -> Filter:
    return Filter(field, Op.EQ, value)


def _part(path: str, split: Split, n: int) -> str:
    # Named by content: a body that is replaced by another must not change the parts of the one that is still in force.
    return f"{path}~{split.digest}-{n}"


def _split(data: bytes) -> tuple[Split, list[bytes]]:
    pieces = [data[start : start + LARGEST_BODY] for start in range(0, len(data), LARGEST_BODY)]
    return Split(digest=hashlib.sha256(data).hexdigest()[:16], count=len(pieces)), pieces


def _joined(split: Split, parts: Iterator[Document | None]) -> Body:
    pieces = [next(parts) for _ in range(split.count)]
    if None in pieces:
        raise LostPart("a part of a checkpoint is missing in the store")
    body = _decoder.decode(b"".join(piece.body for piece in pieces if piece is not None))
    assert not isinstance(body, Split)
    return body


class LostPart(Exception):
    """The store lost a document, or somebody deleted it while it was read."""
