"""A response in JSON, sent as it is: Starlette's own looks at every header that it is given."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from starlette.types import Receive, Scope, Send

from graphql_api.transports.json_text import write_json

RawHeaders = list[tuple[bytes, bytes]]


class JSONAnswer:
    """An ASGI application."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(
        self, payload: Mapping[str, Any], media_type: str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self._body = write_json(payload)
        self._status = status
        self._headers: RawHeaders = [*_usual(media_type), (b"content-length", b"%d" % len(self._body))]
        for name, value in (headers or {}).items():
            self._headers.append((name.encode("latin-1"), value.encode("latin-1")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


@lru_cache(8)
def _usual(media_type: str) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
    )
