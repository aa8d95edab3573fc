"""What a commit may hold, checked the same for every store."""

from collections.abc import Iterable, Iterator, Sequence

from engine.domain.errors import BadRequest, PayloadTooLarge
from engine.storage.port import MAX_BODY_BYTES, MAX_WRITES, Delete, Write

COMMIT_BYTES = 3_000_000
"""Of bodies in one commit, where they can be divided: Firestore takes 10 MiB in a request, its emulator 4 MiB."""


def in_commits(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """The same writes in their order, divided into commits that every store takes."""
    commit: list[Write] = []
    size = 0
    for write in writes:
        weight = 0 if isinstance(write, Delete) else len(write.body)
        if commit and (len(commit) == MAX_WRITES or size + weight > COMMIT_BYTES):
            yield commit
            commit, size = [], 0
        commit.append(write)
        size += weight
    if commit:
        yield commit


def check_writes(writes: Sequence[Write]) -> None:
    """Raises `BadRequest`."""
    if len(writes) > MAX_WRITES:
        raise BadRequest(f"a commit takes {MAX_WRITES} writes at most, not {len(writes)}")
    if len(writes) > 1 and len({write.path for write in writes}) < len(writes):
        raise BadRequest("a commit may name a document once")


def check_body(body: bytes) -> None:
    """Raises `PayloadTooLarge`."""
    if len(body) > MAX_BODY_BYTES:
        message = f"a document would have {len(body):,} bytes; the store takes {MAX_BODY_BYTES:,}"
        raise PayloadTooLarge(message)
