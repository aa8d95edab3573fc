"""Bugs on purpose, to see that the simulations would notice them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from engine.storage.port import Create, Delete, Document, Put, Write
from engine.storage.repositories.head import HeadBody
from engine.storage.repositories.slots import Slot
from tests.chaos.sim_database import Database

_FOR_EVER = datetime(2100, 1, 1, tzinfo=UTC)
_head = msgspec.json.Decoder(HeadBody)
_slot = msgspec.json.Decoder(Slot)
_encode = msgspec.json.Encoder().encode


class _Sabotaged(Database):
    """Changes writes before they are applied."""

    def commit(self, writes: Sequence[Write], *, by: str = "") -> None:
        super().commit([changed for write in writes if (changed := self.changed(write)) is not None], by=by)

    def changed(self, write: Write) -> Write | None:
        return write


class ForgetsRevisions(_Sabotaged):
    """Drops the precondition of executions' heads: the last one to write wins."""

    def changed(self, write: Write) -> Write | None:
        if _is_in("executions", write) and isinstance(write, Put):
            return msgspec.structs.replace(write, if_rev=None)
        return write


class KeepsEpochs(_Sabotaged):
    """A claim does not raise the epoch."""

    def changed(self, write: Write) -> Write | None:
        if not _is_in("executions", write) or not isinstance(write, Put):
            return write
        head = _head.decode(write.body)
        lease = head.lease and msgspec.structs.replace(head.lease, epoch=1)
        return msgspec.structs.replace(write, body=_encode(msgspec.structs.replace(head, lease=lease, epoch=1)))


class SharesSlots(_Sabotaged):
    """A taken slot looks free to everybody."""

    def changed(self, write: Write) -> Write | None:
        if _is_in("slots", write) and not isinstance(write, Delete):
            return msgspec.structs.replace(write, body=_encode(Slot()))
        return write


class LeaksSlots(_Sabotaged):
    """A slot that was taken is taken for ever."""

    def changed(self, write: Write) -> Write | None:
        if not _is_in("slots", write) or isinstance(write, Delete):
            return write
        slot = _slot.decode(write.body)
        if slot.until is None:
            return None
        return msgspec.structs.replace(write, body=_encode(msgspec.structs.replace(slot, until=_FOR_EVER)))


class LosesExecutions(_Sabotaged):
    """Acknowledges the creation of an execution that waits for a worker, and hides it from the sweep."""

    def changed(self, write: Write) -> Write | None:
        if _is_in("executions", write) and isinstance(write, Create):
            fields = {**write.fields, "due_at": None, "queued_lane": None}
            return msgspec.structs.replace(write, fields=fields)
        return write


class ForgetsKeys(_Sabotaged):
    """Idempotency keys are not kept."""

    def changed(self, write: Write) -> Write | None:
        return None if _is_in("idempotency", write) else write


class RewritesLogs(_Sabotaged):
    """The newest event gets another time whenever the head is written again."""

    def changed(self, write: Write) -> Write | None:
        if not _is_in("executions", write) or not isinstance(write, Put):
            return write
        head = _head.decode(write.body)
        tail = [msgspec.Raw(bytes(raw).replace(b'"at":"2026-01', b'"at":"2026-02', 1)) for raw in head.tail]
        return msgspec.structs.replace(write, body=_encode(msgspec.structs.replace(head, tail=tail)))


class ForgetsHolders(_Sabotaged):
    """Nobody who holds a concurrency key is remembered."""

    def changed(self, write: Write) -> Write | None:
        if _is_in("concurrency", write) and not isinstance(write, Delete):
            return msgspec.structs.replace(write, body=b'{"ids":[]}')
        return write


def _is_in(collection: str, write: Write) -> bool:
    return write.path.rpartition("/")[0].endswith(f"/{collection}")


class HidesLeases(_Sabotaged):
    """Who reads a head does not see that somebody holds it."""

    def get(self, path: str) -> Document | None:
        found = super().get(path)
        if found is None or not found.path.rpartition("/")[0].endswith("/executions"):
            return found
        head = msgspec.structs.replace(_head.decode(found.body), lease=None)
        return msgspec.structs.replace(found, body=_encode(head))


class ForgetsWhatIsLeft(_Sabotaged):
    """Nobody remembers what is to be done after an end: telling the parent, freeing the concurrency key."""

    def changed(self, write: Write) -> Write | None:
        if not _is_in("executions", write) or not isinstance(write, Put):
            return write
        head = msgspec.structs.replace(_head.decode(write.body), todo=())
        return msgspec.structs.replace(write, body=_encode(head))


SABOTAGED: Mapping[Callable[[], Database], str] = {
    ForgetsRevisions: "was changed to",
    KeepsEpochs: "has two owners",
    HidesLeases: "took the lease of",
    SharesSlots: "executions run in lane",
    LeaksSlots: "is leaked",
    LosesExecutions: "does not come to its end",
    ForgetsKeys: "the idempotency key",
    RewritesLogs: "was changed to",
    ForgetsHolders: "hold one concurrency key",
    ForgetsWhatIsLeft: "is still held by",
}
"""With a part of the violation that each must lead to."""
