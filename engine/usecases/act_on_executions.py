"""Cancel, pause, resume or retry many executions with one request."""

from collections.abc import Sequence

from engine.domain.batch import Batch, BatchAction, BatchItem, BatchMode
from engine.domain.errors import (
    ConfirmationRequired,
    InvalidState,
    LimitExceeded,
    NotFound,
    Problem,
    ValidationFailed,
)
from engine.domain.status import ExecutionStatus
from engine.storage.repositories.execution_queries import ExecutionQuery
from engine.usecases.batch_admission import NewBatch, admit_batch, item_error, known_batch
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_key, require_text
from engine.usecases.read_executions import ExecutionFilter, executions_by_id, query_of
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView

_E = ExecutionStatus
_ACTS_ON: dict[BatchAction, tuple[ExecutionStatus, ...]] = {
    BatchAction.CANCEL: (_E.QUEUED, _E.RUNNING, _E.WAITING, _E.PAUSED),
    BatchAction.PAUSE: (_E.QUEUED, _E.RUNNING, _E.WAITING),
    BatchAction.RESUME: (_E.PAUSED,),
    BatchAction.RETRY: (_E.FAILED, _E.CANCELLED, _E.TIMED_OUT),
}
MOST_BY_FILTER = 10_000
_AT_ONCE = 500


async def act_on_executions(
    services: Services,
    caller: Caller,
    action: BatchAction,
    ids: Sequence[str] | None,
    asked: ExecutionFilter | None,
    *,
    reason: str | None,
    confirm: bool,
    mode: BatchMode,
    idempotency_key: str | None,
) -> Batch:
    """Either `ids`, or a filter; of what a filter finds, those that the action suits. Items that it does not suit are refused.

    Raises `ValidationFailed`, `ConfirmationRequired` for a filter that names nothing, `LimitExceeded`, `IdempotencyMismatch`.
    """
    caller.require_editor()
    require_text(reason, ("reason",))
    require_key(idempotency_key)
    if (ids is None) == (asked is None):
        raise ValidationFailed([Problem(message="give either ids or a filter", path=("ids",))])
    verb = f"{action.value.lower()}Executions"
    request = [action, list(ids) if ids is not None else None, asked, reason, mode]
    known = await known_batch(services, caller, verb, idempotency_key, request)
    if known is not None:
        return known
    if ids is not None:
        items = await _by_id(services, caller, action, ids)
    else:
        assert asked is not None
        items = await _by_filter(services, caller, action, asked, confirm=confirm)
    new = NewBatch(action=action, mode=mode, items=items, request=request, reason=reason)
    return await admit_batch(services, caller, verb, idempotency_key, new)


async def _by_id(services: Services, caller: Caller, action: BatchAction, ids: Sequence[str]) -> list[BatchItem]:
    if not ids:
        raise ValidationFailed([Problem(message="there is no id", path=("ids",))])
    if len(ids) > services.limits.batch_items:
        message = f"{len(ids):,} ids; a batch takes at most {services.limits.batch_items:,}"
        raise LimitExceeded(message, path=("ids",))
    if len(set(ids)) < len(ids):
        twice = next(each for each in ids if list(ids).count(each) > 1)
        raise ValidationFailed([Problem(message=f"{twice[:80]!r} stands there twice", path=("ids",))])
    views = await executions_by_id(services, caller, ids)
    return [_item(index, action, ids[index], view) for index, view in enumerate(views)]


async def _by_filter(
    services: Services, caller: Caller, action: BatchAction, asked: ExecutionFilter, *, confirm: bool
) -> list[BatchItem]:
    if asked.names_nothing and not confirm:
        raise ConfirmationRequired(
            "the filter names nothing, so this is about all executions: confirm it", path=("confirm",)
        )
    query = await query_of(services, caller, asked)
    if query is None:
        return []
    wanted = _ACTS_ON[action] if query.statuses is None else query.statuses
    items: list[BatchItem] = []
    start_after = None
    while True:
        found = await services.queries.page(
            caller.tenant, _with(query, wanted), descending=False, start_after=start_after, limit=_AT_ONCE
        )
        for view in found:
            items.append(_item(len(items), action, view.state.id, view))
        if len(items) > MOST_BY_FILTER:
            raise LimitExceeded(f"the filter matches more than {MOST_BY_FILTER:,} executions", path=("filter",))
        if len(found) < _AT_ONCE:
            return items
        start_after = (found[-1].state.created_at, found[-1].state.id)


def _with(query: ExecutionQuery, statuses: tuple[ExecutionStatus, ...]) -> ExecutionQuery:
    return ExecutionQuery(
        workflow_id=query.workflow_id,
        statuses=statuses,
        label=query.label,
        created_after=query.created_after,
        created_before=query.created_before,
        trigger_id=query.trigger_id,
        batch_id=query.batch_id,
        parent_id=query.parent_id,
    )


def _item(index: int, action: BatchAction, execution_id: str, view: ExecutionView | None) -> BatchItem:
    path = ("ids", str(index))
    if view is None:
        return BatchItem(
            index=index, error=item_error(NotFound(f"there is no execution {execution_id[:80]!r}", path=path))
        )
    if view.state.status not in _ACTS_ON[action]:
        message = f"execution {execution_id} is {view.state.status}; it cannot be acted on by {action}"
        return BatchItem(index=index, execution_id=execution_id, error=item_error(InvalidState(message, path=path)))
    return BatchItem(index=index, execution_id=execution_id)
