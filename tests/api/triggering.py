"""What tests of triggers do again and again."""

from typing import Any

from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.delivery import Delivery
from engine.usecases.triggers.deliver import deliver
from tests.api.client import Api

FROM_DATA = {"n": "${ event.data.n }"}
"""A mapping for the workflow `sums`."""


def on_events(*types: str) -> dict[str, Any]:
    return {"event": {"types": list(types)}}


async def triggered(
    api: Api, name: str, source: dict[str, Any], *, workflow: str = "sums", fields: str = "id", **more: Any
) -> dict[str, Any]:
    """A new trigger, with these fields."""
    given = {"name": name, "workflow": workflow, "source": source, **more}
    payload = await api.mutate("createTrigger", given, f"trigger {{ {fields} }}")
    assert payload["errors"] == []
    trigger = payload["trigger"]
    assert isinstance(trigger, dict)
    return trigger


async def delivered(api: Api, name: str, data: Any, **event: Any) -> Delivery:
    """What the trigger does with an event; a new one, unless it is given its id."""
    services, tenant = api.runtime.services, api.runtime.caller.tenant
    stored = await services.triggers.by_name(tenant, name)
    assert stored is not None
    given = {"id": services.mint("ev"), "source": "/test", "type": "order.paid", "time": services.clock(), **event}
    return await deliver(services, stored, CloudEvent(data=data, **given), via=services.mint("in"))
