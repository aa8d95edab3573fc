"""What a webhook's endpoint asks: whose address a token is, by which secret a sender is known, and what becomes of its event."""

import logging

from engine.domain.errors import InvalidState, NotFound, PermissionDenied
from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.delivery import Delivery
from engine.domain.triggers.trigger import TriggerKind, WebhookSource
from engine.storage.repositories.triggers import StoredTrigger
from engine.usecases.services import Services
from engine.usecases.triggers.deliver import deliver
from engine.usecases.triggers.receiving import RECEIVED, check_event

LONGEST_TOKEN = 100
_log = logging.getLogger(__name__)

Hooked = StoredTrigger
"""A trigger, with the tenant that it belongs to."""


async def webhook_at(services: Services, token: str) -> StoredTrigger | None:
    """None where the token leads nowhere."""
    stored = await services.triggers.by_hook(token) if 0 < len(token) <= LONGEST_TOKEN else None
    return stored if stored is not None and stored.trigger.kind is TriggerKind.WEBHOOK else None


async def webhook_secret(services: Services, stored: StoredTrigger) -> str | None:
    """None where the trigger names none, or it cannot be had, which the log then says. Raises `Unavailable`."""
    source = stored.trigger.source
    if not isinstance(source, WebhookSource) or source.secret_name is None:
        return None
    try:
        return await services.secrets.get(stored.tenant, source.secret_name)
    except (InvalidState, NotFound, PermissionDenied) as error:
        _log.error("webhook %s believes nobody: %s", stored.trigger.name, error.message)  # the message is complete
        return None


async def take_in(services: Services, stored: StoredTrigger, event: CloudEvent) -> Delivery:
    """Durable when it returns. Raises `ValidationFailed`, `PayloadTooLarge`, `Unavailable`."""
    check_event(services, event)
    return await deliver(services, stored, event, via=services.mint(RECEIVED))
