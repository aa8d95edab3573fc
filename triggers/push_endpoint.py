"""`POST /pubsub/push/{trigger}`: a message that Pub/Sub pushes is stored, with what becomes of it, before it is answered.

Whatever is answered other than 2xx brings the message again, until Pub/Sub gives it up: only what may succeed later is answered so,
and what is no message at all.
"""

import logging
from datetime import datetime
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.usecases.services import Services
from engine.usecases.triggers.subscribing import is_consumed, pushed_to
from triggers.bad_token import BadToken
from triggers.cloud_events import from_push
from triggers.http_answers import PAUSED_SECONDS, again, answered, refusal, whole_body
from triggers.published import accept

MOST_BYTES = 16 * 1024 * 1024
"""A message has at most 10 MB, and a third more in its wrapper."""

_log = logging.getLogger(__name__)


class Tokens(Protocol):
    async def verify(self, authorization: str | None, now: datetime) -> None:
        """`authorization` is the header. Raises `BadToken`, or `Unavailable` where nothing can be said of it now."""


class Unverified:
    """For development: everybody is believed."""

    async def verify(self, authorization: str | None, now: datetime) -> None:
        del authorization, now


class PushEndpoint:
    """`refused` counts requests that were not believed; nothing else is kept of them."""

    def __init__(self, services: Services, tokens: Tokens) -> None:
        self._services = services
        self._tokens = tokens
        self.refused = 0

    def route(self) -> Route:
        return Route("/pubsub/push/{trigger}", self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> Response:
        try:
            return await answered(lambda: self._taken(request))
        except BadToken as error:
            self.refused += 1
            _log.info("a pushed message was refused: %s", error.message)
            return refusal(401, error.code, error.message, headers={"www-authenticate": "Bearer"})

    async def _taken(self, request: Request) -> Response:
        await self._tokens.verify(request.headers.get("authorization"), self._services.clock())
        stored = await pushed_to(self._services, request.path_params["trigger"])
        if stored is None:
            return refusal(404, "NOT_FOUND", "there is no such trigger on a topic")
        if not is_consumed(stored):
            return again("INVALID_STATE", "the trigger is paused", PAUSED_SECONDS)
        await accept(self._services, stored, from_push(request.headers, await whole_body(request, MOST_BYTES)))
        return Response(status_code=204)
