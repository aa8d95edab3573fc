"""Which web pages may use the API, where the operator says so (`WEFT_ORIGINS`)."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from graphql_api.transports.json_text import write_json

_ALLOWED_HEADERS = ("authorization", "content-type", "last-event-id")
_SHOWN_HEADERS = ("retry-after", "ratelimit", "ratelimit-policy")


class OriginGuard:
    """ASGI middleware. Pages of `allowed` origins, such as `https://console.example.com`, may use the API and are shown its
    answers; so are pages of the API's own origin. Others are refused, over sockets too. Programs send no `Origin`.
    """

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...]) -> None:
        self._app = CORSMiddleware(
            app,
            allow_origins=allowed,
            allow_methods=("GET", "POST"),
            allow_headers=_ALLOWED_HEADERS,
            expose_headers=_SHOWN_HEADERS,
        )
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._welcome(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            message = "Pages of this origin may not use the API (WEFT_ORIGINS)"
            body = {"errors": [{"message": message, "extensions": {"code": "FORBIDDEN"}}]}
            await Response(write_json(body), 403, media_type="application/json")(scope, receive, send)

    def _welcome(self, headers: Headers) -> bool:
        origins = headers.getlist("origin")
        return all(each in self._allowed or _same(each, headers.get("host", "")) for each in origins)


def _same(origin: str, host: str) -> bool:
    """The scheme is not known behind a proxy that ends TLS."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False
