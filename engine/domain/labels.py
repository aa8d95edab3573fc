"""Labels: what owners find their workflows and executions by."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.domain.errors import Path, Problem

MOST_LABELS = 50
_LONGEST_KEY, _LONGEST_VALUE = 63, 255


def label_problems(labels: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """What is wrong with an object of labels. Keys have no `=`, since labels are stored and found as `key=value`."""
    if len(labels) > MOST_LABELS:
        yield Problem(message=f"{len(labels):,} labels; the limit is {MOST_LABELS}", path=path)
        return
    for key, value in labels.items():
        where = (*path, key)
        if not isinstance(value, str):
            yield Problem(message="a label's value is a text", path=where)
        elif len(value) > _LONGEST_VALUE:
            yield Problem(message=f"a label's value has at most {_LONGEST_VALUE} characters", path=where)
        if not 0 < len(key) <= _LONGEST_KEY or "=" in key:
            yield Problem(message=f"a label's key has 1 to {_LONGEST_KEY} characters and no `=`", path=where)
