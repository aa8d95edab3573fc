"""GraphQL over HTTP: POST for everything, GET for what changes nothing, server-sent events or parts for what goes on."""

from collections.abc import Mapping
from functools import partial

from graphql import OperationType
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from graphql_api.context import Context, Credentials, Identity, Position, Runtime, Unauthenticated
from graphql_api.errors import UNAUTHENTICATED
from graphql_api.fanout.streams import Streams
from graphql_api.transports.accept import EVENT_STREAM, GRAPHQL_JSON, HTML, JSON, MULTIPART, preferred
from graphql_api.transports.event_format import MULTIPART_SUBSCRIPTIONS, SERVER_SENT_EVENTS
from graphql_api.transports.forged import check_get
from graphql_api.transports.json_answer import JSONAnswer
from graphql_api.transports.operations import Operation, Operations
from graphql_api.transports.reading import read_request
from graphql_api.transports.refusal import RequestRefused, refuse
from graphql_api.transports.request_head import Headers, headers_of
from graphql_api.transports.sse import EventStream, last_event_id, only

_PAGE_HEADERS = {"cache-control": "no-store", "content-security-policy": "frame-ancestors 'none'"}


_STREAMS = {EVENT_STREAM: SERVER_SENT_EVENTS, MULTIPART: MULTIPART_SUBSCRIPTIONS}


class GraphQLOverHTTP:
    """An ASGI application. `page` is shown to people who open the address in a browser; None shows them nothing."""

    def __init__(self, operations: Operations, streams: Streams, runtime: Runtime, page: str | None) -> None:
        self._operations = operations
        self._streams = streams
        self._runtime = runtime
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        try:
            answer = await self._answer(scope, receive, headers)
        except RequestRefused as refusal:
            answer = _refused(refusal, headers.get("accept", ""))
        await answer(scope, receive, send)
        if isinstance(answer, EventStream):
            await self._streams.settled()

    async def _answer(self, scope: Scope, receive: Receive, headers: Headers) -> ASGIApp:
        method, accept = scope["method"], headers.get("accept", "")
        if method == "GET" and self._page and preferred(accept, (JSON, GRAPHQL_JSON, EVENT_STREAM, HTML)) == HTML:
            return HTMLResponse(self._page, headers=_PAGE_HEADERS)
        identity = await self._identify(scope, headers)
        rate_limit = self._operations.rates.take(identity.caller)
        try:
            return await self._answer_of(identity, scope, receive, headers, rate_limit)
        except RequestRefused as refusal:
            raise refusal.with_headers(rate_limit) from None

    async def _answer_of(
        self, identity: Identity, scope: Scope, receive: Receive, headers: Headers, rate_limit: Mapping[str, str]
    ) -> ASGIApp:
        """What the head alone tells is checked first, and what needs the operation last."""
        method, accept = scope["method"], headers.get("accept", "")
        if method == "GET":
            check_get(headers)
        _check_accept(accept)
        limits = self._operations.limits_of(identity.caller)
        given = await read_request(scope, receive, headers, most_bytes=limits.body_bytes)
        context = Context(
            services=self._runtime.services,
            caller=identity.caller,
            position=Position(after=last_event_id(headers)),
            extensions=given.extensions or {},
        )
        operation = self._operations.prepare(given, context)
        media_type = _media_type(method, accept, operation)
        if media_type in _STREAMS:
            opened = partial(self._streams.read, operation, given, context)
            written = _STREAMS[media_type]
            return EventStream(opened, identity.while_valid, headers=rate_limit, written=written)
        return JSONAnswer(await operation.run(), media_type, headers=rate_limit)

    async def _identify(self, scope: Scope, headers: Headers) -> Identity:
        try:
            return await self._runtime.identify(Credentials(authorization=headers.get("authorization") or None))
        except Unauthenticated as error:
            client = scope.get("client")
            self._operations.rates.take_stranger(client[0] if client else None)
            challenge = 'Bearer realm="weft"' + (', error="invalid_token"' if error.shown else "")
            raise refuse(401, UNAUTHENTICATED, str(error), {"www-authenticate": challenge}) from error


def _check_accept(accept: str) -> None:
    """Raises `RequestRefused` for who wants none of what there is, whatever the operation."""
    if preferred(accept, _streams(accept)) is None and preferred(accept, (JSON, GRAPHQL_JSON)) is None:
        raise _not_acceptable(f"{JSON}, {GRAPHQL_JSON} or {EVENT_STREAM}")


def _streams(accept: str) -> tuple[str, ...]:
    return (EVENT_STREAM, MULTIPART) if "subscriptionspec=" in accept.lower() else (EVENT_STREAM,)


def _not_acceptable(wanted: str) -> RequestRefused:
    return refuse(406, "NOT_ACCEPTABLE", f"The answer comes as {wanted}: say so in `Accept`")


def _media_type(method: str, accept: str, operation: Operation) -> str:
    if method == "GET" and operation.kind is OperationType.MUTATION:
        raise refuse(405, "METHOD_NOT_ALLOWED", "Send mutations as POST", {"allow": "POST"})
    subscription = operation.kind is OperationType.SUBSCRIPTION
    chosen = preferred(accept, _streams(accept) if subscription else (JSON, GRAPHQL_JSON, EVENT_STREAM))
    if chosen is None or (subscription and not accept):
        raise _not_acceptable(EVENT_STREAM if subscription else f"{JSON}, {GRAPHQL_JSON} or {EVENT_STREAM}")
    return chosen


def _refused(refusal: RequestRefused, accept: str) -> ASGIApp:
    """The newer media type has a status for GraphQL that is wrong; clients of the older one take anything but 200 for
    an outage, and an `EventSource` in a browser can read nothing but a stream.
    """
    if refusal.status is None and preferred(accept, (JSON, GRAPHQL_JSON, EVENT_STREAM)) == EVENT_STREAM:
        return EventStream(only(refusal.response), headers=refusal.headers)
    media_type = preferred(accept, (JSON, GRAPHQL_JSON)) or JSON
    status = refusal.status or (400 if media_type == GRAPHQL_JSON else 200)
    return JSONAnswer(refusal.response, media_type, status, refusal.headers)
