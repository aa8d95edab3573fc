"""Which checkpoints the owner of a lease sees: those of its own epoch, and of earlier ones as far as it stands on them.

The first commit of an epoch to a series takes over the checkpoint that it goes on from. So an epoch that has any
document has all that is needed to go on from it, and what a former owner writes afterwards, into its own earlier epoch,
is never found.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from engine.domain.errors import Unavailable
from engine.executors.checkpoint_documents import CheckpointDocuments
from engine.executors.checkpoint_layout import (
    Adoption,
    SavedCheckpoint,
    Series,
    TaskWrites,
    Versions,
    epoch_bound,
    epoch_of,
    position_of,
)
from engine.storage.port import Put

_FEW = 4
"""A page for the newest checkpoint: mostly there are only that one and what one or two tasks have written since."""


@dataclass(slots=True)
class Head:
    """The newest checkpoint of a series, as far as this owner knows, and what has been written after it."""

    id: str | None = None
    versions: Versions = field(default_factory=dict)
    holders: Mapping[str, str] = field(default_factory=dict)
    written: dict[tuple[str, str], TaskWrites] = field(default_factory=dict)
    """By checkpoint id and task id. Complete for the newest checkpoint."""
    adoption: Adoption | None = None
    base: SavedCheckpoint | None = None
    """The newest checkpoint of an earlier epoch, while the own epoch has no document yet."""

    def advance(self, to: SavedCheckpoint) -> None:
        known = {key: value for key, value in self.written.items() if key[0] == to.id}
        self.id, self.versions, self.holders = to.id, to.versions, to.holders
        self.written = {(to.id, task.task_id): task for task in to.writes} | known

    def unchanged(self, parent: str | None, versions: Versions) -> dict[str, str]:
        """Where the values lie of the channels that have the same version in that parent."""
        if parent is None or parent != self.id:
            return {}
        return {
            channel: position
            for channel, position in self.holders.items()
            if self.versions.get(channel) == versions.get(channel)
        }


class EpochView:
    """The checkpoints of one execution, seen and written by the owner of one epoch, while its lease is in force."""

    def __init__(self, documents: CheckpointDocuments, epoch: int, in_force: Callable[[], bool]) -> None:
        self._documents = documents
        self._epoch = epoch
        self._in_force = in_force
        self._heads: dict[Series, Head] = {}

    def position(self, head: Head, checkpoint_id: str) -> str:
        adopted = head.adoption is not None and head.adoption.id == checkpoint_id
        return position_of(self._epoch, checkpoint_id, adopted=adopted)

    def forget(self, threads: Iterable[str]) -> None:
        for series in [series for series in self._heads if series.thread in threads]:
            del self._heads[series]

    async def head(self, series: Series) -> Head:
        """The first call for a series looks into the store."""
        if series not in self._heads:
            newest = await self._documents.newest(series, before=epoch_bound(self._epoch + 1), page=_FEW)
            # Whoever asked at the same time and was quicker may have written since.
            self._heads.setdefault(series, self._first_look(newest))
        return self._heads[series]

    def _first_look(self, newest: SavedCheckpoint | None) -> Head:
        head = Head()
        if newest is None:
            return head
        if epoch_of(newest.position) < self._epoch:
            head.base = newest
            head.adoption = Adoption(newest.id, newest.position)
        else:
            head.adoption = newest.adoption
        head.advance(newest)
        return head

    async def newest(self, series: Series) -> SavedCheckpoint | None:
        head = await self.head(series)
        if head.base is not None or head.id is None:
            return head.base
        return await self._documents.newest(
            series, since=epoch_bound(self._epoch), before=epoch_bound(self._epoch + 1), page=_FEW
        )

    async def saved(self, series: Series, checkpoint_id: str) -> SavedCheckpoint | None:
        """In the own epoch, else in those that it stands on."""
        head = await self.head(series)
        if head.base is not None and head.base.id == checkpoint_id:
            return head.base
        found = await self._documents.at(series, self.position(head, checkpoint_id))
        adoption = head.adoption
        while found is None and adoption is not None:
            found = await self._saved_before(series, checkpoint_id, adoption.position)
            last = await self._documents.at(series, adoption.position)
            adoption = last.adoption if last else None
        return found

    async def _saved_before(self, series: Series, checkpoint_id: str, end: str) -> SavedCheckpoint | None:
        """In the epoch of `end`, before that position."""
        for adopted in (False, True):
            position = position_of(epoch_of(end), checkpoint_id, adopted=adopted)
            found = await self._documents.at(series, position) if position < end else None
            if found is not None:
                return found
        return None

    async def history(self, series: Series) -> AsyncIterator[SavedCheckpoint]:
        """From the newest to the oldest, without what former owners wrote after they had lost the lease."""
        saved = await self.newest(series)
        while saved is not None:
            yield saved
            position, adoption = saved.position, saved.adoption
            saved = await self._before(series, position)
            if saved is None and adoption is not None:
                saved = await self._before(series, adoption.position)

    async def _before(self, series: Series, position: str) -> SavedCheckpoint | None:
        return await self._documents.newest(series, since=epoch_bound(epoch_of(position)), before=position)

    async def commit(self, series: Series, head: Head, writes: list[Put]) -> None:
        """Raises `Unavailable` for an owner that stood still beyond its lease. Nobody would read what it writes, and where the
        execution has ended meanwhile nobody would delete it.
        """
        if not self._in_force():
            raise Unavailable("the lease ran out before a checkpoint was written")
        base = head.base
        if base is None:
            await self._documents.commit(writes)
            return
        position = position_of(self._epoch, base.id, adopted=True)
        taken_over = replace(base, position=position, values={}, adoption=head.adoption)
        given = {write.path for write in writes}
        adopting = [write for write in self._documents.put(series, position, taken_over) if write.path not in given]
        await self._documents.commit([*adopting, *writes])
        head.base = None
