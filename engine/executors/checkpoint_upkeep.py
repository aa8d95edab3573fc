"""Deletes, prunes and copies checkpoints."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from engine.executors.checkpoint_documents import CheckpointDocuments
from engine.executors.checkpoint_layout import (
    COLLECTION,
    Body,
    SavedCheckpoint,
    Series,
    is_part,
    series_key,
    without_part,
    without_task,
)
from engine.storage.port import Delete, Document, DocumentStore, Put, Write

MetadataOf = Callable[[SavedCheckpoint], Mapping[str, Any]]

_DELETED_AT_ONCE = 50
"""They are read first, at up to 900 KB each."""


async def delete_checkpoints(store: DocumentStore, execution_path: str) -> None:
    """Deletes every checkpoint of an execution that has ended. May be repeated."""
    collection = f"{execution_path}/{COLLECTION}"
    while documents := await store.query(collection, limit=_DELETED_AT_ONCE):
        await store.commit([Delete(path=document.path) for document in documents])


async def delete_thread(documents: CheckpointDocuments, thread: str) -> None:
    await documents.commit([Delete(path=document.path) for document in await documents.find(thread=thread)])


async def delete_runs(documents: CheckpointDocuments, runs: Collection[str]) -> set[str]:
    """Deletes the checkpoints whose metadata name one of these runs. Returns the threads that had any."""
    found = [document for run in set(runs) for document in await documents.find(run=run)]
    doomed = {document.id for document in found}
    threads = {str(document.fields["thread"]) for document in found}
    for thread in threads:
        content = await _Thread.read(documents, thread)
        await documents.commit(content.without(doomed))
    return threads


async def keep_newest(documents: CheckpointDocuments, thread: str, metadata_of: MetadataOf) -> None:
    """Deletes all but the newest checkpoint of each namespace, and what that one needs to be read."""
    content = await _Thread.read(documents, thread)
    kept = {identifier for series in content.series() for identifier in _needed(series, metadata_of)}
    await documents.commit(content.without(content.visible.keys() - kept))


async def copy_thread(documents: CheckpointDocuments, source: str, target: str) -> None:
    content = await _Thread.read(documents, source)
    await documents.commit(content.copied(documents, target))


def _needed(series: dict[str, SavedCheckpoint], metadata_of: MetadataOf) -> Iterator[str]:
    """The newest. Where it has delta channels, also its ancestors back to their last snapshots: the value of such a
    channel is made of a snapshot and all that was written after it.
    """
    documents = {checkpoint.id: identifier for identifier, checkpoint in series.items()}
    current = next(reversed(series))
    missing = set(metadata_of(series[current]).get("counters_since_delta_snapshot", ()))
    while True:
        yield current
        missing -= series[current].holders.keys()
        parent = series[current].parent
        if not missing or parent is None or parent not in documents:
            return
        current = documents[parent]


class _Thread:
    """Every document of one thread, by id. `visible` are the checkpoints that reading finds, in order of age within
    their namespace; others are there only because later ones need values that lie in them.
    """

    def __init__(self, documents: Mapping[str, Document], bodies: Mapping[str, Body]) -> None:
        self._documents = documents
        self.visible = {
            identifier: body
            for identifier, body in sorted(bodies.items())
            if isinstance(body, SavedCheckpoint) and "at" in documents[identifier].fields
        }
        self._namespaces = {
            series_key(identifier): body.ns for identifier, body in bodies.items() if isinstance(body, SavedCheckpoint)
        }

    @classmethod
    async def read(cls, documents: CheckpointDocuments, thread: str) -> "_Thread":
        found = {document.id: document for document in await documents.find(thread=thread)}
        whole = [document for document in found.values() if not is_part(document.id)]
        bodies = await documents.bodies(whole)
        return cls(found, {document.id: body for document, body in zip(whole, bodies, strict=True)})

    def series(self) -> list[dict[str, SavedCheckpoint]]:
        """The visible checkpoints of each namespace, in order of age."""
        by_key: defaultdict[str, dict[str, SavedCheckpoint]] = defaultdict(dict)
        for identifier, body in self.visible.items():
            by_key[series_key(identifier)][identifier] = body
        return list(by_key.values())

    def without(self, doomed: Collection[str]) -> Iterator[Write]:
        """Deletes checkpoints with what was written after them. One that others need values of is only hidden."""
        needed = {
            f"{series_key(identifier)}-{position}"
            for identifier, body in self.visible.items()
            if identifier not in doomed
            for position in body.holders.values()
        }
        for identifier, document in self._documents.items():
            whole = without_part(identifier)
            if without_task(whole) not in doomed:
                continue
            if whole not in needed:
                yield Delete(path=document.path)
            elif whole == identifier:
                yield Put(path=document.path, body=document.body, fields={"thread": document.fields["thread"]})

    def copied(self, documents: CheckpointDocuments, target: str) -> Iterator[Write]:
        """The same documents for another thread. Bodies name neither their thread nor their id, so they stay as they
        are.
        """
        keys = {key: Series(target, ns).key for key, ns in self._namespaces.items()}
        # Parts first: no document may be there before what it consists of.
        for identifier in sorted(self._documents, key=is_part, reverse=True):
            old = series_key(identifier)
            if old not in keys:  # written after a checkpoint that was never saved
                continue
            document = self._documents[identifier]
            fields = {**document.fields, "thread": target}
            if "series" in fields:
                fields["series"] = keys[old]
            yield Put(path=documents.path(keys[old] + identifier.removeprefix(old)), body=document.body, fields=fields)
