"""Start many executions with one request."""

from collections.abc import Sequence

import msgspec

from engine.domain.batch import Batch, BatchAction, BatchItem, BatchMode
from engine.domain.errors import LimitExceeded, Problem, ValidationFailed, WeftError
from engine.domain.json_values import json_problems
from engine.usecases.batch_admission import NewBatch, admit_batch, item_error, known_batch
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_key
from engine.usecases.services import Services
from engine.usecases.start_execution import StartExecution, prepare

_VERB = "startExecutions"


async def start_executions(
    services: Services,
    caller: Caller,
    items: Sequence[StartExecution],
    mode: BatchMode,
    idempotency_key: str | None,
) -> Batch:
    """Items are checked one by one, in order; `mode` says what a refused one means for the others.

    Raises `ValidationFailed` for an empty list, `LimitExceeded` for a long one, `IdempotencyMismatch`.
    """
    caller.require_editor()
    require_key(idempotency_key)
    if not items:
        raise ValidationFailed([Problem(message="there is no item", path=("items",))])
    if len(items) > services.limits.batch_items:
        message = f"{len(items):,} items; a batch takes at most {services.limits.batch_items:,}"
        raise LimitExceeded(message, path=("items",))
    request = [[_hashable(item) for item in items], mode] if idempotency_key is not None else None
    known = await known_batch(services, caller, _VERB, idempotency_key, request)
    if known is not None:
        return known
    checked = [await _checked(services, caller, index, item) for index, item in enumerate(items)]
    new = NewBatch(action=BatchAction.START, mode=mode, items=checked, request=request)
    return await admit_batch(services, caller, _VERB, idempotency_key, new)


def _hashable(item: StartExecution) -> StartExecution:
    """What is no storable JSON has no hash; an item with it is refused, whatever it is."""
    if json_problems(item.input) or json_problems(item.labels):
        return msgspec.structs.replace(item, input=None, labels=None)
    return item


async def _checked(services: Services, caller: Caller, index: int, item: StartExecution) -> BatchItem:
    """The first event of the execution is kept in the manifest, so that what was accepted cannot be refused later."""
    try:
        prepared = await prepare(services, caller, item)
    except WeftError as error:
        return BatchItem(index=index, error=item_error(error))
    return BatchItem(index=index, request=msgspec.to_builtins(prepared.queued, str_keys=True))
