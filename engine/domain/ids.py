"""The kinds of identifier, and the one place where they are minted.

An id is a prefix that names its kind plus 128 random bits. Never time-ordered (hot key ranges), never parsed by clients.
Ids that must come out the same on every attempt are derived from a seed by a hash instead.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import NewType

TenantId = NewType("TenantId", str)
WorkflowId = NewType("WorkflowId", str)
ExecutionId = NewType("ExecutionId", str)
BatchId = NewType("BatchId", str)
WorkerId = NewType("WorkerId", str)

WORKFLOW, EXECUTION, BATCH, WORKER = "wf", "ex", "ba", "wk"

_WELL_FORMED = re.compile(r"[a-z]{2}_[A-Za-z0-9_]{1,80}")

RandomBytes = Callable[[int], bytes]
"""Gives that many random bytes; the shell passes `secrets.token_bytes`, tests a seeded source."""


def mint(prefix: str, random_bytes: RandomBytes) -> str:
    return f"{prefix}_{_text(random_bytes(16))}"


def derive(prefix: str, *seed: str) -> str:
    """The same id for the same seed: what is created from a manifest or a parent is created once however often it is tried."""
    digest = hashlib.sha256("\x1f".join(seed).encode("utf-8", "surrogatepass")).digest()
    return f"{prefix}_{_text(digest[:16])}"


def well_formed(identifier: str) -> bool:
    """Whether the text can be an id at all. What cannot be one is not looked up."""
    return _WELL_FORMED.fullmatch(identifier) is not None


def kind_of(identifier: str) -> str:
    """The prefix of an id, or an empty string where the text is no id of ours."""
    prefix, separator, _ = identifier.partition("_")
    return prefix if separator else ""


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()
