"""Step runs as documents keep them: what is large in them is left out where they would not fit. Nothing is lost, as the log
keeps all of it: documents are what readers look at, and whoever drives an execution folds its log.
"""

from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from engine.domain.execution import Run

_OMITTED = {"omitted": "the log of the execution has the details"}


def fitting(runs: Mapping[str, Run], limit: int, encode: Callable[[Mapping[str, Run]], bytes]) -> bytes:
    """The document that `encode` makes of the runs, in at most `limit` bytes if leaving things out of them helps."""
    body = encode(runs)
    for step in _STEPS:
        if len(body) <= limit:
            break
        runs = {path: step(run) for path, run in runs.items()}
        body = encode(runs)
    return body


def _without_details(run: Run) -> Run:
    failure = run.failure
    if failure is None or failure.details is None:
        return run
    return replace(run, failure=replace(failure, details=_OMITTED))


def _without_values(run: Run) -> Run:
    """Of interrupts: people are asked by prompt and schema."""
    return replace(run, waits=tuple(replace(wait, value=None) for wait in run.waits)) if run.waits else run


def _with_short_message(run: Run, characters: int) -> Run:
    failure = run.failure
    if failure is None or len(failure.message) <= characters:
        return run
    return replace(run, failure=replace(failure, message=f"{failure.message[:characters]}…"))


_STEPS: tuple[Callable[[Run], Run], ...] = (
    _without_details,
    _without_values,
    partial(_with_short_message, characters=500),
    partial(_with_short_message, characters=80),
)
