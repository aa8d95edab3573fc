"""What a commit may hold, checked the same for every store."""

from collections.abc import Sequence

from engine.domain.errors import BadRequest, PayloadTooLarge
from engine.storage.port import MAX_BODY_BYTES, MAX_WRITES, Write


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
