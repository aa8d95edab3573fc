"""The slots of limited lanes: a document each, held under a lease by one process at a time."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from engine.storage.port import MAX_WRITES, Conflict, Create, DocumentStore, Put
from engine.storage.repositories.decoding import decoded


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """`until` is when the lease runs out; a slot with no owner is free. Slots are never deleted: made again, one would have a rev
    that somebody read before.
    """

    owner: str | None = None
    until: datetime | None = None


class HeldSlot(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    rev: int
    until: datetime


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Slot)


class SlotRepository:
    """Of one lane: `name` is `{lane}/slots/{kind}`."""

    def __init__(self, store: DocumentStore, name: str) -> None:
        self._store = store
        self._name = name

    def path(self, number: int) -> str:
        return f"lanes/{self._name}-{number}"

    async def vacant(self, numbers: Sequence[int], owner: str, now: datetime) -> list[tuple[int, int]]:
        """Those of the slots that nobody but `owner` holds by now, each with its rev (0 where there is none yet)."""
        documents = await self._store.get_many([self.path(number) for number in numbers])
        found = []
        for number, document in zip(numbers, documents, strict=True):
            slot = decoded(_decoder, document) if document else Slot()
            if slot.owner in (None, owner) or slot.until is None or slot.until <= now:
                found.append((number, document.rev if document else 0))
        return found

    async def take(self, number: int, rev: int, owner: str, until: datetime) -> HeldSlot:
        """Raises `Conflict` where somebody was quicker."""
        path, body = self.path(number), _encode(Slot(owner=owner, until=until))
        await self._store.commit([Put(path=path, body=body, if_rev=rev) if rev else Create(path=path, body=body)])
        return HeldSlot(number=number, rev=rev + 1, until=until)

    async def renew(self, held: Sequence[HeldSlot], owner: str, until: datetime) -> list[HeldSlot]:
        """Those that are still held, under the new lease, or under the one that is stored where an earlier renewal was reported as
        failed and had been written all the same.
        """
        kept = await self._written(held, Slot(owner=owner, until=until), until)
        missing = [slot.number for slot in held if slot.number not in {each.number for each in kept}]
        documents = await self._store.get_many([self.path(number) for number in missing])
        for number, document in zip(missing, documents, strict=True):
            slot = decoded(_decoder, document) if document else Slot()
            if document is not None and slot.owner == owner and slot.until is not None:
                kept.append(HeldSlot(number=number, rev=document.rev, until=slot.until))
        return kept

    async def free(self, held: Sequence[HeldSlot]) -> None:
        """What somebody else took in the meantime is left to them."""
        if held:
            await self._written(held, Slot(), held[0].until)

    async def _written(self, held: Sequence[HeldSlot], slot: Slot, until: datetime) -> list[HeldSlot]:
        """In one commit; one by one where one of them was lost."""
        body = _encode(slot)
        kept: list[HeldSlot] = []
        for start in range(0, len(held), MAX_WRITES):
            some = held[start : start + MAX_WRITES]
            try:
                await self._store.commit(
                    [Put(path=self.path(each.number), body=body, if_rev=each.rev) for each in some]
                )
            except Conflict:
                if len(some) > 1:
                    for each in some:
                        kept += await self._written([each], slot, until)
                continue
            kept += [HeldSlot(number=each.number, rev=each.rev + 1, until=until) for each in some]
        return kept
