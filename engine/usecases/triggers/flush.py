"""Start the execution that gets the events which were gathered for it."""

from msgspec.structs import replace

from engine.domain.errors import Unavailable, WeftError
from engine.domain.failure import Failure
from engine.domain.ids import EXECUTION, derive
from engine.domain.status import FailureKind
from engine.domain.triggers.cloud_event import depth_of
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.storage.port import Conflict
from engine.storage.repositories.deliveries import StoredDelivery, StoredGathered, gathered_write, given_write
from engine.storage.repositories.head import execution_path
from engine.storage.repositories.triggers import StoredTrigger
from engine.usecases.services import Services
from engine.usecases.start_execution import create
from engine.usecases.triggers.deliver import failed, is_last, pause_after, tell, write_of
from engine.usecases.triggers.starting import caller_of, prepare_started


async def flush(services: Services, stored: StoredTrigger, waiting: StoredGathered) -> None:
    """Raises `Conflict` where more came meanwhile or somebody else did it, `Unavailable`."""
    gathered = waiting.gathered
    found = await _found(services, waiting)
    if not found:  # their deliveries are gone
        await _recorded(services, waiting, [], [])
        return
    if stored.trigger.buffer is None:
        await _recorded(services, waiting, found, [_by_itself(services, each.delivery) for each in found])
        return
    events = [each.delivery.event for each in found]
    execution_id = derive(EXECUTION, *gathered.delivery_ids[:1], str(len(gathered.delivery_ids)))
    attempts = gathered.attempts + 1
    tried = [replace(each.delivery, attempts=attempts) for each in found]
    started = [replace(each, outcome=DeliveryOutcome.STARTED, execution_id=execution_id) for each in tried]
    try:
        depth = max(map(depth_of, events))
        prepared = await prepare_started(services, stored, [event.as_value() for event in events], depth=depth)
        writes = [write_of(services, after, rev=before.rev) for before, after in zip(found, started, strict=True)]
        await create(
            services, caller_of(stored), execution_id, prepared, [*writes, given_write(waiting, services.clock())]
        )
    except Conflict as conflict:
        if conflict.document != execution_path(stored.tenant, execution_id):
            raise
        await _recorded(services, waiting, found, started)
    except Unavailable:
        raise
    except WeftError as error:
        if is_last(stored.trigger, attempts, error):
            await _recorded(
                services, waiting, found, [_dead(failed(services, stored.trigger, each, error)) for each in tried]
            )
        else:
            later = replace(gathered, attempts=attempts, due_at=services.clock() + pause_after(attempts))
            await services.deliveries.commit([gathered_write(later, rev=waiting.rev)])
    else:
        for each in started:
            tell(services, each)


async def abandon(services: Services, waiting: StoredGathered) -> None:
    """Of a trigger that is gone. Raises `Conflict`, `Unavailable`."""
    message = "the trigger was deleted while the event waited for others"
    gone = Failure(kind=FailureKind.TASK, code="trigger_deleted", message=message, retryable=False)
    found = await _found(services, waiting)
    after = [replace(each.delivery, outcome=DeliveryOutcome.FAILED, failure=gone) for each in found]
    await _recorded(services, waiting, found, after)


async def _found(services: Services, waiting: StoredGathered) -> list[StoredDelivery]:
    gathered = waiting.gathered
    return [each for each in await services.deliveries.get_many(gathered.tenant, gathered.delivery_ids) if each]


def _dead(failed_one: Delivery) -> Delivery:
    """A try of it alone would not be what was asked for; a replay takes it up again."""
    failure = failed_one.failure
    return replace(failed_one, due_at=None, failure=replace(failure, retryable=False) if failure else None)


def _by_itself(services: Services, delivery: Delivery) -> Delivery:
    """Of a trigger that gathers no more: its mapping is about one event now."""
    message = "the trigger gathers no more: the event is given to it alone"
    alone = Failure(kind=FailureKind.TASK, code="not_gathered", message=message, retryable=True)
    return replace(delivery, outcome=DeliveryOutcome.FAILED, failure=alone, due_at=services.clock())


async def _recorded(
    services: Services, waiting: StoredGathered, found: list[StoredDelivery], after: list[Delivery]
) -> None:
    writes = [write_of(services, new, rev=old.rev) for old, new in zip(found, after, strict=True)]
    await services.deliveries.commit([*writes, given_write(waiting, services.clock())])
    for each in after:
        tell(services, each)
