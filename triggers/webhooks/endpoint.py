"""`POST /hooks/{token}`: a sender's event is stored, with what becomes of it, before it is answered."""

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine.domain.errors import PayloadTooLarge
from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.trigger import TriggerStatus, WebhookSignature, WebhookSource
from engine.usecases.services import Services
from engine.usecases.triggers.hooks import Hooked, take_in, webhook_at, webhook_secret
from triggers.cloud_events import Mode, from_http
from triggers.http_answers import PAUSED_SECONDS, again, answered, refusal, whole_body
from triggers.webhooks.challenge import challenge
from triggers.webhooks.headers import received
from triggers.webhooks.naming import event_id, event_type
from triggers.webhooks.refusal import BadSignature
from triggers.webhooks.signatures import verify

MOST_BYTES = 1024 * 1024
REQUESTS_A_SECOND, REQUESTS_AT_ONCE = 100.0, 500.0
"""Of one webhook, in one process."""
_MOST_HOOKS = 10_000
_NAMED_BY = ("ce-id", "idempotency-key")

_log = logging.getLogger(__name__)


class Webhooks:
    """`refused` counts requests that were not believed, by the reason; nothing else is kept of them."""

    def __init__(self, services: Services, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._rates = _Rates(monotonic)
        self.refused: Counter[str] = Counter()

    def route(self) -> Route:
        return Route("/hooks/{token}", self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        try:
            return await answered(lambda: self._taken(request))
        except BadSignature as error:
            self.refused[error.refusal] += 1
            _log.info("a webhook's request was refused: %s", error.reason)
            return refusal(401, error.code, str(error))

    async def _taken(self, request: Request) -> Response:
        stored = await webhook_at(self._services, request.path_params["token"])
        if stored is None:
            return refusal(404, "NOT_FOUND", "there is nothing here")
        wait = self._rates.take(stored.trigger.id)
        if wait is not None:
            return again("RATE_LIMITED", "too many requests: try again later", wait, status=429)
        headers = received(request.scope["headers"])
        body = await _body(request, headers)
        signature = _signature(stored)
        verify(signature, await webhook_secret(self._services, stored), headers, body, self._services.clock())
        asked = challenge(signature, body)
        if asked is not None:
            return PlainTextResponse(asked)
        if stored.trigger.status is TriggerStatus.PAUSED:
            return again("INVALID_STATE", "the trigger is paused", PAUSED_SECONDS)
        delivery = await take_in(self._services, stored, self._event(stored, signature, headers, body))
        return JSONResponse({"deliveryId": delivery.id, "outcome": delivery.outcome.value}, 202)

    def _event(self, stored: Hooked, signature: WebhookSignature, headers: dict[str, str], body: bytes) -> CloudEvent:
        unnamed = signature is WebhookSignature.NONE and not any(name in headers for name in _NAMED_BY)
        return from_http(
            headers,
            body,
            event_id=self._services.mint("ev") if unnamed else event_id(signature, headers, body),
            event_type=event_type(signature, headers, body),
            source=f"/triggers/{stored.trigger.name}",
            received=self._services.clock(),
            data_limit=self._services.limits.event_bytes,
            # A signature is about the body: what headers say of the event could be said by whoever has seen the request.
            modes=(Mode.STRUCTURED, Mode.BINARY) if signature is WebhookSignature.NONE else (Mode.STRUCTURED,),
        )


def _signature(stored: Hooked) -> WebhookSignature:
    source = stored.trigger.source
    assert isinstance(source, WebhookSource)  # nothing else has such an address
    return source.signature


async def _body(request: Request, headers: dict[str, str]) -> bytes:
    """As it was sent: signatures are about that. Raises `PayloadTooLarge`."""
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise PayloadTooLarge("send the body uncompressed: nobody knows how large it is otherwise")
    return await whole_body(request, MOST_BYTES)


class _Rates:
    """A bucket of requests for each webhook, which fills evenly."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._missing: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, trigger_id: str) -> int | None:
        """None where there was one; else the seconds until there will be."""
        now = self._monotonic()
        missing, then = self._missing.get(trigger_id, (0.0, now))
        missing = max(0.0, missing - (now - then) * REQUESTS_A_SECOND)
        allowed = missing + 1 <= REQUESTS_AT_ONCE
        self._missing[trigger_id] = (missing + allowed, now)
        self._missing.move_to_end(trigger_id)
        if len(self._missing) > _MOST_HOOKS:
            self._missing.popitem(last=False)
        return None if allowed else 1
