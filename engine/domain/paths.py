"""Paths of step runs: `step`, `map[3].step`, `graph.node[2]`, `book.compensate`.

A frame is one item of a map or one round of a loop: `map[3]`. Its steps are `map[3].step`.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

_FRAME = re.compile(r"(.+)\[(\d+)\]")
COMPENSATE = "compensate"


def frame_path(owner: str, index: int) -> str:
    return f"{owner}[{index}]"


def within(frame: str, step_id: str) -> str:
    """The path of a step in a frame; the top frame is the empty string."""
    return f"{frame}.{step_id}" if frame else step_id


def frame_of(path: str) -> str:
    """The frame that a step run stands in; for a run inside a step (`graph.node`), that step."""
    return path.rpartition(".")[0]


def split_frame(frame: str) -> tuple[str, int] | None:
    """`map[3]` -> (`map`, 3); None for what is no frame."""
    match = _FRAME.fullmatch(frame) if frame.endswith("]") else None
    return (match[1], int(match[2])) if match else None


def compensation_of(path: str) -> str:
    return f"{path}.{COMPENSATE}"


@lru_cache(maxsize=4096)
def segments(path: str) -> tuple[str, ...]:
    """The step ids on the way down, without indexes: `map[3].step` -> (`map`, `step`)."""
    return tuple(part.partition("[")[0] for part in path.split("."))


def frames(path: str) -> list[str]:
    """The frames that enclose a run, from the innermost to the top frame."""
    found = []
    while path:
        path = frame_of(path)
        found.append(path)
    return found


def enclosing(path: str) -> Iterator[str]:
    """What a run stands in, from the inside out, frames and their owners alike: `m[3].g.node` -> `m[3].g`, `m[3]`, `m`."""
    while path := frame_of(path):
        yield path
        place = split_frame(path)
        if place:
            yield place[0]
