"""The workers that are alive: each writes a document again and again, which expires when it stops doing so."""

from datetime import datetime

from engine.storage.port import Delete, DocumentStore, Filter, Op, Order, Put

_MOST = 1000


class WorkerRepository:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def seen(self, worker_id: str, until: datetime) -> None:
        """The worker is alive, and if nothing more is heard of it, counts as such until then."""
        await self._store.commit([Put(path=f"workers/{worker_id}", body=b"{}", fields={"expire_at": until})])

    async def gone(self, worker_id: str) -> None:
        await self._store.commit([Delete(path=f"workers/{worker_id}")])

    async def alive(self, now: datetime) -> list[str]:
        """Their ids, in order."""
        documents = await self._store.query(
            "workers", filters=(Filter("expire_at", Op.GT, now),), order=(Order("expire_at"),), limit=_MOST
        )
        return sorted(document.id for document in documents)
