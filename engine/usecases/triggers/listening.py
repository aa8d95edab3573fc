"""Hears of events as they come, for processes that give them to triggers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from engine.bus.port import Message
from engine.bus.topics import INBOX
from engine.bus.topology import EMITTED, TRIGGERS
from engine.usecases.services import Services
from engine.usecases.triggers.receiving import receive_emitted
from engine.usecases.triggers.working import Job, hinted_job


@asynccontextmanager
async def hearing(services: Services, take: Callable[[Job], Awaitable[object]], *, at_once: int) -> AsyncIterator[None]:
    """While the context is open, this process competes with others for what `emit` steps publish, which it stores, and for hints at
    events that were stored, which are given to `take`.
    """

    async def hinted(message: Message) -> None:
        job = await hinted_job(services, message)
        if job is not None:
            await take(job)

    async def emitted(message: Message) -> None:
        await receive_emitted(services, message)

    async with (
        services.bus.consume(INBOX, TRIGGERS, hinted, concurrency=at_once),
        services.bus.consume(EMITTED, TRIGGERS, emitted, concurrency=at_once),
    ):
        yield
