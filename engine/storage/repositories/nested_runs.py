"""Step runs below the top level, some hundred to a document, written only where they changed."""

from collections.abc import Sequence

import msgspec

from engine.domain.events import DurableEvent, StepEvent
from engine.domain.execution import Execution, Run
from engine.domain.paths import enclosing
from engine.storage.port import DocumentStore, Order, Put, Write
from engine.storage.repositories.decoding import decoded
from engine.storage.repositories.lean_runs import fitting

RUNS_PER_DOCUMENT = 200
DOCUMENT_BYTES = 200_000
"""Twice what they have without failures; many of these documents may change in one commit."""
_DOCUMENTS_AT_ONCE = 50

_decoder = msgspec.json.Decoder(dict[str, Run])
_encoder = msgspec.json.Encoder()


def nested_writes(root: str, before: Execution, after: Execution, events: Sequence[DurableEvent]) -> list[Write]:
    changed = {
        after.runs[path].number // RUNS_PER_DOCUMENT
        for event in events
        if isinstance(event, StepEvent)
        for path in (event.step_id, *enclosing(event.step_id))
        if "." in path and path in after.runs and after.runs[path] is not before.runs.get(path)
    }
    return [_write(root, after, n) for n in sorted(changed)]


def _write(root: str, after: Execution, n: int) -> Write:
    paths = after.numbered[n * RUNS_PER_DOCUMENT : (n + 1) * RUNS_PER_DOCUMENT]
    body = fitting({path: after.runs[path] for path in paths}, DOCUMENT_BYTES, _encoder.encode)
    return Put(path=f"{root}/runs/{n:06d}", body=body, fields={"n": n})


async def read_nested(store: DocumentStore, root: str) -> dict[str, Run]:
    """All of them, in order of beginning."""
    runs: dict[str, Run] = {}
    start_after = None
    while True:
        documents = await store.query(
            f"{root}/runs", order=(Order("n"),), start_after=start_after, limit=_DOCUMENTS_AT_ONCE
        )
        for document in documents:
            some: dict[str, Run] = decoded(_decoder, document)
            runs.update(some)
        if len(documents) < _DOCUMENTS_AT_ONCE:
            return runs
        start_after = (int(documents[-1].id), documents[-1].id)
