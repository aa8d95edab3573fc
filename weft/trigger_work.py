"""What workers do for triggers: the clock of the schedules, and the way of the events."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from engine.bootstrap import Engine
from engine.bootstrap.background import Background
from graphql_api.metrics import Gauge
from triggers.clockwork import Clockwork
from triggers.push_endpoint import PushEndpoint
from triggers.router import Router
from triggers.subscriptions import Subscriptions
from triggers.webhooks.endpoint import Webhooks


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
        await background.start(Subscriptions(engine.services).run)
        yield


def refusals(hooks: Webhooks, push: PushEndpoint | None) -> list[Gauge]:
    """For the metrics: all that is kept of requests that were not believed."""
    help_ = "Requests to webhooks whose signature was refused."
    gauges = [Gauge("weft_webhook_requests_refused", help_, lambda: float(sum(hooks.refused.values())))]
    if push is not None:
        help_ = "Pushed messages whose token was refused."
        gauges.append(Gauge("weft_push_requests_refused", help_, lambda: float(push.refused)))
    return gauges
