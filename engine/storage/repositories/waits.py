"""Steps that wait for a person: one small document each, written and deleted with the head, so that they can be listed."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from engine.domain.events import DurableEvent, StepEvent
from engine.domain.execution import Execution, Run
from engine.domain.ids import derive
from engine.domain.status import StepStatus
from engine.storage.port import Delete, Document, DocumentStore, FieldValue, Filter, Op, Order, Put, Write
from engine.storage.repositories.decoding import decoded


class WaitingStepRef(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    execution_id: str
    step_id: str
    since: datetime


_decoder = msgspec.json.Decoder(WaitingStepRef)
_encoder = msgspec.json.Encoder()


def wait_writes(before: Execution, after: Execution, events: Sequence[DurableEvent], at: datetime) -> list[Write]:
    writes: list[Write] = []
    for path in sorted({event.step_id for event in events if isinstance(event, StepEvent)}):
        was, is_ = _for_people(before.runs.get(path)), _for_people(after.runs.get(path))
        if was is is_ or (not was and not is_):
            continue
        writes.append(_write(after, path, at) if is_ else Delete(path=_path(after, path)))
    return writes


def _for_people(run: Run | None) -> bool:
    if run is None or run.watched or run.status is not StepStatus.WAITING:
        return False
    return any(wait.kind.for_people for wait in run.waits)


def _write(after: Execution, path: str, at: datetime) -> Write:
    document = _path(after, path)
    ref = WaitingStepRef(id=document.rpartition("/")[2], execution_id=after.state.id, step_id=path, since=at)
    assignees = tuple(sorted({name for wait in after.runs[path].waits for name in wait.assignees}))
    fields: dict[str, FieldValue] = {"execution_id": after.state.id, "assignees": assignees, "since": at}
    return Put(path=document, body=_encoder.encode(ref), fields=fields)


def _path(after: Execution, path: str) -> str:
    return f"tenants/{after.state.tenant}/waits/{derive('wt', after.state.id, path)}"


class WaitRepository:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def page(
        self, tenant: str, *, assignee: str | None, start_after: tuple[datetime, str] | None, limit: int
    ) -> list[WaitingStepRef]:
        """Newest first."""
        documents = await self._store.query(
            f"tenants/{tenant}/waits",
            filters=_filters(assignee),
            order=(Order("since", descending=True),),
            start_after=start_after,
            limit=limit,
        )
        return [_ref(document) for document in documents]

    async def count(self, tenant: str, *, assignee: str | None) -> int:
        return await self._store.count(f"tenants/{tenant}/waits", filters=_filters(assignee))


def _ref(document: Document) -> WaitingStepRef:
    return decoded(_decoder, document)


def _filters(assignee: str | None) -> tuple[Filter, ...]:
    return (Filter("assignees", Op.CONTAINS, assignee),) if assignee is not None else ()
