"""How the installation is: whether the store and the bus answer."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from enum import StrEnum

import msgspec

from engine.domain.errors import Unavailable
from engine.usecases.services import Services

_PATIENCE_SECONDS = 5.0


class HealthStatus(StrEnum):
    SERVING = "SERVING"
    DEGRADED = "DEGRADED"
    NOT_SERVING = "NOT_SERVING"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    status: HealthStatus
    message: str | None = None


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """NOT_SERVING without the store; DEGRADED without the bus: then everything still happens, but later."""

    status: HealthStatus
    version: str
    uptime: timedelta
    store: str
    bus: str
    checks: tuple[Check, ...]


async def health(services: Services) -> HealthReport:
    store = await _check("store", services.store.get("tenants/health"))
    bus = await _check("bus", services.bus.ready())
    if store.status is not HealthStatus.SERVING:
        status = HealthStatus.NOT_SERVING
    else:
        status = HealthStatus.SERVING if bus.status is HealthStatus.SERVING else HealthStatus.DEGRADED
    return HealthReport(
        status=status,
        version=services.version,
        uptime=services.clock() - services.started_at,
        store=services.adapters["store"],
        bus=services.adapters["bus"],
        checks=(store, bus),
    )


async def _check(name: str, question: Awaitable[object]) -> Check:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await question
    except TimeoutError:
        return Check(name=name, status=HealthStatus.NOT_SERVING, message=f"no answer in {_PATIENCE_SECONDS:g} s")
    except Unavailable as error:
        return Check(name=name, status=HealthStatus.NOT_SERVING, message=error.message)
    return Check(name=name, status=HealthStatus.SERVING)
