"""How LangGraph's checkpoints lie in the store: one flat collection, `{execution}/checkpoints`.

The checkpoints of one thread and namespace form a series. Documents of a series, by id:

    {series}-{position}           a checkpoint, with the channel values that are new in it
    {series}-{position}+{task}    what one task of the following super-step has written so far
    ...~{digest}-{n}              a part of a body that is too large for one document

A position is the epoch, a rank and the checkpoint's id, so that its order is the order of age. The rank puts a
checkpoint that was taken over from an earlier epoch before the epoch's own, whatever the clocks of the two machines
said.
"""

import hashlib
from typing import NamedTuple
from urllib.parse import quote

import msgspec

COLLECTION = "checkpoints"

Typed = tuple[str, bytes]
"""A value as LangGraph's serializer gives it: a type and bytes."""


Versions = dict[str, str | int | float]
"""The version of each channel."""


class Series(NamedTuple):
    """The checkpoints of one thread and namespace."""

    thread: str
    ns: str

    @property
    def key(self) -> str:
        return hashlib.sha256("\x1f".join(self).encode()).hexdigest()[:32]


class TaskWrites(msgspec.Struct, frozen=True, kw_only=True, tag="w"):
    """What a task has written, by index: its own writes count from 0, LangGraph's special ones are negative."""

    task_id: str
    task_path: str
    writes: dict[int, tuple[str, Typed]]


class Adoption(msgspec.Struct, frozen=True):
    """Which checkpoint an epoch began from, and where the earlier epoch has it."""

    id: str
    position: str


class SavedCheckpoint(msgspec.Struct, frozen=True, kw_only=True, tag="c"):
    """`values` are the channels that are new here; `holders` says for every channel at which position its value lies.

    `adoption` is the same in all checkpoints of an epoch. The document of the adopted checkpoint itself holds in
    `writes` what had been written after it when it was taken over.
    """

    ns: str
    id: str
    position: str
    parent: str | None
    versions: Versions
    checkpoint: Typed
    metadata: Typed
    values: dict[str, Typed]
    holders: dict[str, str]
    adoption: Adoption | None = None
    writes: tuple[TaskWrites, ...] = ()


class Split(msgspec.Struct, frozen=True, kw_only=True, tag="s"):
    """The body lies in `count` other documents."""

    digest: str
    count: int


Body = SavedCheckpoint | TaskWrites


def document_id(series: Series, at: str) -> str:
    return f"{series.key}-{at}"


def series_key(identifier: str) -> str:
    return identifier.partition("-")[0]


def is_part(identifier: str) -> bool:
    return "~" in identifier


def without_part(identifier: str) -> str:
    return identifier.partition("~")[0]


def without_task(identifier: str) -> str:
    return identifier.partition("+")[0]


def epoch_bound(epoch: int) -> str:
    """Sorts before every position of that epoch, and behind all of earlier ones."""
    return f"{epoch:012d}-"


def position_of(epoch: int, checkpoint_id: str, *, adopted: bool) -> str:
    return f"{epoch_bound(epoch)}{0 if adopted else 1}-{_escaped(checkpoint_id)}"


def epoch_of(position: str) -> int:
    return int(position.partition("-")[0])


def task_position(position: str, task_id: str) -> str:
    return f"{position}+{_escaped(task_id)}"


def _escaped(text: str) -> str:
    return quote(text, safe="").replace("~", "%7E")
