"""Start the execution that gets the events which were gathered for it."""

from msgspec.structs import replace

from engine.domain.errors import Unavailable, WeftError
from engine.domain.ids import EXECUTION, derive
from engine.domain.triggers.cloud_event import depth_of
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.storage.port import Conflict, Delete
from engine.storage.repositories.deliveries import StoredDelivery, StoredGathered, gathered_path
from engine.storage.repositories.head import execution_path
from engine.storage.repositories.triggers import StoredTrigger
from engine.usecases.services import Services
from engine.usecases.start_execution import create
from engine.usecases.triggers.deliver import failed, tell, write_of
from engine.usecases.triggers.starting import caller_of, prepare_started


async def flush(services: Services, stored: StoredTrigger, waiting: StoredGathered) -> list[Delivery]:
    """Their deliveries as they are then. Raises `Conflict` where more came meanwhile or somebody else did it, `Unavailable`."""
    gathered = waiting.gathered
    found = [each for each in await services.deliveries.get_many(stored.tenant, gathered.delivery_ids) if each]
    removed = Delete(path=gathered_path(stored.tenant, gathered.id), if_rev=waiting.rev)
    if not found:
        await services.deliveries.commit([removed])
        return []
    events = [each.delivery.event for each in found]
    execution_id = derive(EXECUTION, *gathered.delivery_ids[:1], str(len(gathered.delivery_ids)))
    tried = [replace(each.delivery, attempts=each.delivery.attempts + 1) for each in found]
    started = [replace(each, outcome=DeliveryOutcome.STARTED, execution_id=execution_id) for each in tried]
    try:
        depth = max(map(depth_of, events))
        prepared = await prepare_started(services, stored, [event.as_value() for event in events], depth=depth)
        writes = [write_of(services, after, rev=before.rev) for before, after in zip(found, started, strict=True)]
        await create(services, caller_of(stored), execution_id, prepared, [*writes, removed])
    except Conflict as conflict:
        if conflict.document != execution_path(stored.tenant, execution_id):
            raise
        return await _recorded(services, found, started, removed)
    except Unavailable:
        raise
    except WeftError as error:
        return await _recorded(services, found, [_alone(services, stored, each, error) for each in tried], removed)
    for each in started:
        tell(services, each)
    return started


def _alone(services: Services, stored: StoredTrigger, tried: Delivery, error: WeftError) -> Delivery:
    """Dead, since a try of it alone would not be what was asked for; a replay takes it up again."""
    return replace(failed(services, stored.trigger, tried, error), due_at=None)


async def _recorded(
    services: Services, found: list[StoredDelivery], after: list[Delivery], removed: Delete
) -> list[Delivery]:
    writes = [write_of(services, new, rev=old.rev) for old, new in zip(found, after, strict=True)]
    await services.deliveries.commit([*writes, removed])
    for each in after:
        tell(services, each)
    return after
