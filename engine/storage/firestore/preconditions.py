"""What stored revisions say about a commit: which precondition does not hold, and whether an attempt was applied."""

from collections.abc import Sequence
from enum import Enum, auto

from engine.storage.firestore.documents import TOKEN_BYTES, Revision
from engine.storage.port import Create, Delete, Put, Write

Found = Sequence[Revision | None]
"""For each write what is stored now."""


class Fate(Enum):
    APPLIED = auto()
    NOT_APPLIED = auto()
    UNKNOWN = auto()


def conditional(write: Write) -> bool:
    return isinstance(write, Create) or write.if_rev is not None


def first_refusal(writes: Sequence[Write], found: Found) -> str | None:
    """The path of the first write whose precondition does not hold."""
    for write, revision in zip(writes, found, strict=True):
        if isinstance(write, Create):
            if revision is not None:
                return write.path
        elif write.if_rev is not None and (revision is None or revision.rev != write.if_rev):
            return write.path
    return None


def fate(writes: Sequence[Write], found: Found, token: bytes) -> Fate:
    """Of a commit that nobody answered. It is atomic, so one document that tells speaks for all."""
    fates = {_fate(write, revision, token) for write, revision in zip(writes, found, strict=True)}
    return next((each for each in (Fate.APPLIED, Fate.NOT_APPLIED) if each in fates), Fate.UNKNOWN)


def _fate(write: Write, revision: Revision | None, token: bytes) -> Fate:
    if isinstance(write, Delete):
        untouched = revision is not None and revision.rev == write.if_rev
        return Fate.NOT_APPLIED if untouched else Fate.UNKNOWN
    if revision is None:
        return Fate.NOT_APPLIED if isinstance(write, Create) else Fate.UNKNOWN
    writers = [revision.writers[at : at + TOKEN_BYTES] for at in range(0, len(revision.writers), TOKEN_BYTES)]
    if token in writers:
        return Fate.APPLIED
    if isinstance(write, Put) and write.if_rev is None:
        return Fate.UNKNOWN
    before = 0 if isinstance(write, Create) else write.if_rev or 0
    all_known = before <= revision.rev <= before + len(writers)
    return Fate.NOT_APPLIED if all_known else Fate.UNKNOWN
