"""Deletes what has expired: idempotency keys, caches, deliveries, and executions whose retention is over, with all of theirs."""

import asyncio
import logging
from datetime import datetime

from engine.domain.errors import Unavailable
from engine.runtime.roster import ALL_SHARDS, Share
from engine.storage.port import Conflict, Delete, Document, DocumentStore, Filter, Op, Order
from engine.usecases.journal import Clock

EVERY_SECONDS = 60.0
EXPIRING = ("idempotency", "cache", "memory", "executions", "workers", "deliveries", "dedup", "buffers")
_SWEPT_ALWAYS = ("executions",)
"""They have others below them, which nobody else would delete."""
BELOW_EXECUTIONS = ("log", "runs", "blobs", "checkpoints")
_AT_ONCE = 200
_BELOW_AT_ONCE = 50
"""Each may have a megabyte, and is read to be deleted."""

_log = logging.getLogger(__name__)


class Retention:
    """One of the workers does it: the one to whose share the first shard belongs."""

    def __init__(self, store: DocumentStore, clock: Clock, share: Share) -> None:
        self._store = store
        self._clock = clock
        self._share = share

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if ALL_SHARDS[0] in self._share.shards:
                    await self.once(self._clock())
            except (Unavailable, Conflict) as error:
                _log.warning("expired documents stay until the next round: %s", error)
            except Exception:  # noqa: BLE001  # what has expired would stay for ever
                _log.exception("expired documents stay until the next round")
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self, now: datetime) -> int:
        """How many documents were deleted, not counting those below an execution."""
        deleted = 0
        for collection in _SWEPT_ALWAYS if self._store.deletes_expired else EXPIRING:
            while expired := await self._expired(collection, now):
                for document in expired:
                    await self._delete(collection, document)
                deleted += len(expired)
        return deleted

    async def _expired(self, collection: str, now: datetime) -> list[Document]:
        return await self._store.query(
            collection, filters=(Filter("expire_at", Op.LE, now),), order=(Order("expire_at"),), limit=_AT_ONCE
        )

    async def _delete(self, collection: str, document: Document) -> None:
        """Children first, so that a crash in between leaves something to find."""
        if collection == "executions":
            for below in BELOW_EXECUTIONS:
                await delete_collection(self._store, f"{document.path}/{below}")
        await self._store.commit([Delete(path=document.path, if_rev=document.rev)])  # unless it is used again


async def delete_collection(store: DocumentStore, path: str) -> None:
    """Every document of one collection."""
    while documents := await store.query(path, limit=_BELOW_AT_ONCE):
        await store.commit([Delete(path=document.path) for document in documents])
