"""Reads. They can be repeated, so what passes is tried again, for a bounded time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from grpc import StatusCode  # type: ignore[import-untyped]  # grpcio ships no types

from engine.storage.firestore.calls import CallFailed, Calls
from engine.storage.firestore.database import Database
from engine.storage.firestore.documents import REV, WRITERS, Revision, document_of, revision_of
from engine.storage.firestore.failures import failed, no_such_database, query_failed, worth_another_try
from engine.storage.firestore.messages import BatchGetDocumentsRequest, GetDocumentRequest, Message
from engine.storage.firestore.patience import Backoff, Patience
from engine.storage.firestore.queries import Query
from engine.storage.firestore.revisions import Revisions
from engine.storage.port import Document

T = TypeVar("T")

_DOCUMENTS_AT_ONCE = 50
"""In one call; they can have a megabyte each."""
_NOWHERE = "tenants/clock"
"""Need not exist: the time of reading is answered all the same."""
_QUICK_SECONDS = 0.1
_CLOCK_READINGS = 3


class Reader:
    """Whatever is read teaches `revisions`."""

    def __init__(self, database: Database, calls: Calls, revisions: Revisions, patience: Patience) -> None:
        self._database = database
        self._calls = calls
        self._revisions = revisions
        self._patience = patience

    async def check(self) -> None:
        """Raises `CallFailed` unless the database answers."""
        await self._patiently(lambda: self.revisions([_NOWHERE]))

    async def get(self, path: str) -> Document | None:
        request = GetDocumentRequest(name=self._database.document_name(path))
        try:
            found = await self._patiently(lambda: self._calls.get_document(request, self._patience.get_seconds))
        except CallFailed as failure:
            if failure.code is StatusCode.NOT_FOUND and not no_such_database(failure):
                self._revisions.forget(path)
                return None
            raise failed(failure) from failure
        return self._learned(found)

    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        once = list(dict.fromkeys(paths))
        found: dict[str, Document] = {}
        for at in range(0, len(once), _DOCUMENTS_AT_ONCE):
            found.update(await self._group(once[at : at + _DOCUMENTS_AT_ONCE]))
        return [found.get(path) for path in paths]

    async def _group(self, paths: Sequence[str]) -> dict[str, Document]:
        request = self._batch(paths)
        try:
            answers = await self._patiently(
                lambda: self._calls.batch_get_documents(request, self._patience.seconds_for(len(paths)))
            )
        except CallFailed as failure:
            raise failed(failure) from failure
        documents = [self._learned(answer.found) for answer in answers if answer.HasField("found")]
        return {document.path: document for document in documents}

    async def query(self, query: Query) -> list[Document]:
        try:
            answers = await self._patiently(
                lambda: self._calls.run_query(query.page_request(), self._patience.seconds_for(query.limit or 0))
            )
        except CallFailed as failure:
            raise query_failed(failure, query.collection, query.fields) from failure
        return [self._learned(answer.document) for answer in answers if answer.HasField("document")]

    async def count(self, query: Query) -> int:
        try:
            (answer,) = await self._patiently(
                lambda: self._calls.run_aggregation_query(query.count_request(), self._patience.query_seconds)
            )
        except CallFailed as failure:
            raise query_failed(failure, query.collection, query.fields) from failure
        return int(answer.result.aggregate_fields["count"].integer_value)

    async def revisions(self, paths: Sequence[str]) -> dict[str, Revision]:
        """Of those that exist. Asks once, and raises `CallFailed`."""
        if not paths:
            return {}
        request = self._batch(paths)
        request.mask.field_paths.extend((REV, WRITERS))
        answers = await self._calls.batch_get_documents(request, self._patience.get_seconds)
        found: dict[str, Revision] = {}
        for answer in answers:
            if answer.HasField("found"):
                path = self._database.path(answer.found.name)
                found[path] = revision_of(answer.found)
                self._revisions.learn(path, found[path])
            else:
                self._revisions.forget(self._database.path(answer.missing))
        return found

    async def now(self) -> datetime:
        """The server's time, which was read half-way between the question and the answer, as well as one can know: the quicker
        the answer, the better.
        """
        readings = []
        for _ in range(_CLOCK_READINGS):
            readings.append(await self._read_clock())
            if readings[-1][0] < _QUICK_SECONDS:
                break
        _, ahead = min(readings)
        return datetime.fromtimestamp(asyncio.get_running_loop().time() + ahead, UTC)

    async def _read_clock(self) -> tuple[float, float]:
        """How long the answer took, and how far the server's clock is ahead of the event loop's."""
        loop = asyncio.get_running_loop()
        request = self._batch([_NOWHERE])

        async def ask() -> tuple[float, float, Message]:
            asked = loop.time()
            answers = await self._calls.batch_get_documents(request, self._patience.get_seconds)
            return asked, loop.time(), answers[0].read_time

        try:
            asked, answered, time = await self._patiently(ask)
        except CallFailed as failure:
            raise failed(failure) from failure
        return answered - asked, time.seconds + time.nanos / 1e9 - (asked + answered) / 2

    def _batch(self, paths: Sequence[str]) -> Message:
        names = [self._database.document_name(path) for path in paths]
        return BatchGetDocumentsRequest(database=self._database.name, documents=names)

    def _learned(self, stored: Message) -> Document:
        document = document_of(stored, self._database)
        self._revisions.learn(document.path, revision_of(stored))
        return document

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        backoff = Backoff(self._patience, self._patience.read_budget_seconds)
        while True:
            try:
                return await ask()
            except CallFailed as failure:
                if not worth_another_try(failure) or not await backoff.pause():
                    raise
