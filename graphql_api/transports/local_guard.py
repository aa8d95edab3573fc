"""Keeps foreign web pages out of a server whose every visitor is its owner.

A browser lets any page send requests to loopback. What gives such a page away is its `Origin`, and, when it got here by
a name that was rebound to 127.0.0.1, the `Host` that the browser believes it talks to.
"""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from graphql_api.transports.json_text import write_json
from graphql_api.transports.request_head import Headers, headers_of

_FORBIDDEN = "Requests of other web sites are refused while everybody on this machine is the owner (WEFT_AUTH=local)"


class LocalGuard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _at_home(headers_of(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            body = {"errors": [{"message": _FORBIDDEN, "extensions": {"code": "FORBIDDEN"}}]}
            await Response(write_json(body), 403, media_type="application/json")(scope, receive, send)


def _at_home(headers: Headers) -> bool:
    """Programs send no `Origin`. Following a link from elsewhere is allowed, being embedded or fetched from there is
    not.
    """
    origin = headers.get("origin")
    elsewhere = headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
    return (
        _loopback(_host(f"//{headers.get('host', '')}"))
        and (origin is None or _loopback(_host(origin)))
        and not (elsewhere and origin is None)
    )


@lru_cache(64)
def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


@lru_cache(64)
def _loopback(host: str | None) -> bool:
    if not host:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
