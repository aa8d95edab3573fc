"""Leads requests of one path past the router: nearly all requests are of that path, and routing takes a tenth of a small one."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Shortcut:
    """ASGI middleware. `http` answers what has exactly this path; it raises nothing that the router's own handlers answer."""

    def __init__(self, app: ASGIApp, path: str, http: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._http = http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shorter = scope["type"] == "http" and scope["path"] == self._path
        await (self._http if shorter else self._app)(scope, receive, send)
