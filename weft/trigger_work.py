"""What workers do for triggers: the clock of the schedules, and the way of the events."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from engine.bootstrap import Engine
from engine.bootstrap.background import Background
from triggers.clockwork import Clockwork
from triggers.router import Router


@asynccontextmanager
async def triggers_at_work(engine: Engine) -> AsyncIterator[None]:
    """While the context is open; nothing is done in a process that has no worker."""
    share = engine.share
    if share is None:
        yield
        return

    def shards() -> Sequence[str]:
        return share.shards

    async with Background(engine.died) as background:
        await background.start(Router(engine.services, shards).run)
        await background.start(Clockwork(engine.services, shards).run)
        yield
