"""Take an event in: it is stored before it is answered, and given to the triggers that take it afterwards."""

import logging

import msgspec
from msgspec.structs import replace

from engine.bus.port import Message
from engine.bus.topics import INBOX, Inbox
from engine.domain.errors import PayloadTooLarge, ValidationFailed
from engine.domain.execution import State
from engine.domain.ids import derive
from engine.domain.triggers.cloud_event import DEPTH, CloudEvent, depth_of
from engine.domain.triggers.trigger import EventSource, TriggerKind, TriggerStatus
from engine.storage.repositories.deliveries import Received, received_write, routed_write
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_json, require_size
from engine.usecases.services import Services
from engine.usecases.triggers.deliver import deliver

RECEIVED = "in"
_EXECUTIONS = "/executions/"
_event = msgspec.json.Decoder(CloudEvent)
_log = logging.getLogger(__name__)


async def publish_event(services: Services, caller: Caller, event: CloudEvent) -> str:
    """Durable when it returns. The event's id. Raises `ValidationFailed`, `PayloadTooLarge`, `Unavailable`."""
    caller.require_editor()
    await receive(services, caller.tenant, event, via=services.mint(RECEIVED))
    return event.id


async def receive(services: Services, tenant: str, event: CloudEvent, *, via: str) -> None:
    """`via` names the message that brought it: the same one again changes nothing."""
    check_event(services, event)
    received = Received(id=derive(RECEIVED, tenant, via), tenant=tenant, event=event, due_at=services.clock())
    await services.deliveries.commit([received_write(received)])
    hint(services, received)


def check_event(services: Services, event: CloudEvent) -> None:
    require_json(event.data, ("event", "data"))
    require_json(event.extensions, ("event", "extensions"))
    require_size(msgspec.to_builtins(event), services.limits.event_bytes, ("event",))


def hint(services: Services, received: Received) -> None:
    body = msgspec.json.encode(Inbox(tenant=received.tenant, received_id=received.id))
    services.bus.hint(INBOX, body)


async def route(services: Services, received: Received) -> None:
    """To every trigger of its tenant that takes it; what was done of that before is not done again. Raises `Unavailable`."""
    takers = [
        stored
        for stored in await services.triggers.all_of(TriggerKind.EVENT, tenant=received.tenant)
        if stored.trigger.status is TriggerStatus.ENABLED
        and isinstance(stored.trigger.source, EventSource)
        and stored.trigger.source.takes(received.event.type)
    ]
    for stored in takers[:-1]:
        await deliver(services, stored, received.event, via=received.id)
    routed = [routed_write(received)]
    if takers:
        await deliver(services, takers[-1], received.event, via=received.id, also=routed)
    else:
        await services.deliveries.commit(routed)


async def receive_emitted(services: Services, message: Message) -> None:
    """What an `emit` step published. Raises `Unavailable`; what is no event of ours is left out, with a line in the log."""
    tenant = message.attributes.get("tenant")
    try:
        event = _event.decode(message.body)
        if not tenant:
            raise msgspec.ValidationError("it names no tenant")
        check_event(services, event)
    except (msgspec.MsgspecError, ValidationFailed, PayloadTooLarge) as error:
        _log.warning("a message on the topic of emitted events is left out: %s", error)
        return
    publisher = await _publisher(services, tenant, event.source)
    led_to = publisher.depth + 1 if publisher else 0
    trace = publisher.trace if publisher else {}
    known = replace(event, extensions={**trace, **event.extensions, DEPTH: led_to})
    await receive(services, tenant, known, via=f"{event.source} {event.id}")


async def with_depth(services: Services, tenant: str, event: CloudEvent) -> CloudEvent:
    """Marked by how many executions led to it: as many as it says itself, or as the execution that published it."""
    publisher = await _publisher(services, tenant, event.source)
    if publisher is None or publisher.depth + 1 <= depth_of(event):
        return event
    return replace(event, extensions={**event.extensions, DEPTH: publisher.depth + 1})


async def _publisher(services: Services, tenant: str, source: str) -> State | None:
    """The execution that published an event, whatever the event says of itself; None where none of ours did."""
    _, found, execution_id = source.rpartition(_EXECUTIONS)
    view = await services.executions.view(tenant, execution_id) if found else None
    return view.state if view else None
