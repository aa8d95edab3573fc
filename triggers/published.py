"""A message of a topic, however it came, is given to its trigger. Its fate is stored when that returns."""

from engine.domain.errors import PayloadTooLarge, ValidationFailed
from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.delivery import Delivery
from engine.usecases.services import Services
from engine.usecases.triggers.subscribing import Subscribed, refuse_message, source_of, take_message
from triggers.cloud_events import PushedMessage, from_pubsub
from triggers.cloud_events.pubsub import PUBLISHED


async def accept(services: Services, stored: Subscribed, message: PushedMessage) -> Delivery | None:
    """What can never be an event is recorded as FAILED, so that it does not come for ever; None where nothing of it can be stored.
    The same message again changes nothing. Raises `Unavailable`: then it has to come again.
    """
    topic = source_of(stored).topic.rpartition("/")[2]
    try:
        event = from_pubsub(
            message.message_id,
            message.publish_time,
            message.attributes,
            message.body,
            topic=topic,
            data_limit=services.limits.event_bytes,
        )
        return await take_message(services, stored, event, via=message.message_id)
    except (ValidationFailed, PayloadTooLarge) as error:
        return await refuse_message(services, stored, _stand_in(message, topic), error, via=message.message_id)


def _stand_in(message: PushedMessage, topic: str) -> CloudEvent:
    """Says which message it was, without what was in it."""
    return CloudEvent(
        id=message.message_id,
        source=f"//pubsub.googleapis.com/topics/{topic}",
        type=PUBLISHED,
        time=message.publish_time,
    )
