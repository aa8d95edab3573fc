"""The request that a step sends, and the one that follows from a redirect."""

import base64
import re
from dataclasses import dataclass, replace
from typing import Any

import httpx
import orjson

from engine.executors.http_with import Base64Body, HttpWith

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FRAMING = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "proxy-authorization"}
)
"""Set by the transport alone: a request that contradicts itself about its own end can smuggle a second one."""

_IMPERSONAL = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-type",
        "if-modified-since",
        "if-none-match",
        "prefer",
        "range",
        "user-agent",
    }
)
"""What a redirect to another origin takes along: any other header may be a credential, whatever its name."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MOVED = frozenset({301, 302})
_SEE_OTHER = 303


class RequestRefused(Exception):
    """The request cannot be sent as it stands. `code` is the failure's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Header names are lower-case."""

    method: str
    url: httpx.URL
    headers: dict[str, str]
    body: bytes

    @property
    def label(self) -> str:
        """For messages: without path, query and user, which may hold secrets."""
        return f"{self.method} {self.url.scheme}://{self.url.host}"

    def redirected(self, status: int, location: str) -> "Outgoing":
        """The request that follows. To another origin it takes neither credentials nor a body: whoever can make a
        trusted server redirect would otherwise receive them. Raises `RequestRefused`.
        """
        url = _checked_url(self.url, location).copy_with(username=None, password=None)
        moved = replace(self, url=url)
        if _becomes_get(self.method, status):
            kept = {name: value for name, value in self.headers.items() if not name.startswith("content-")}
            moved = replace(moved, method="GET", body=b"", headers=kept)
        if _origin(url) == _origin(self.url):
            return moved
        if moved.body:
            raise RequestRefused(
                "redirect_refused", f"{self.label} answered with a redirect of the body to another origin"
            )
        return replace(moved, headers={name: moved.headers[name] for name in moved.headers.keys() & _IMPERSONAL})


def outgoing(given: HttpWith, *, idempotency_key: str) -> Outgoing:
    """Raises `RequestRefused`."""
    url = _checked_url(None, given.url)
    body, content_type = _body(given)
    headers = {"accept": "*/*", "accept-encoding": "gzip, deflate", "user-agent": "weft"}
    if content_type:
        headers["content-type"] = content_type
    if given.method not in _SAFE_METHODS:
        headers["idempotency-key"] = _header("idempotency-key", idempotency_key)
    if url.userinfo:
        headers["authorization"] = f"Basic {base64.b64encode(f'{url.username}:{url.password}'.encode()).decode()}"
    headers |= {name.lower(): _header(name, value) for name, value in given.headers.items()}
    url = _with_query(url.copy_with(username=None, password=None), given)
    return Outgoing(method=given.method, url=url, headers=headers, body=body)


def _becomes_get(method: str, status: int) -> bool:
    """As browsers do it."""
    return (status == _SEE_OTHER and method != "HEAD") or (status in _MOVED and method == "POST")


def _checked_url(base: httpx.URL | None, text: str) -> httpx.URL:
    try:
        url = base.join(text) if base else httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise RequestRefused("bad_url", "the URL cannot be read") from error
    if url.scheme not in _DEFAULT_PORTS or not url.host:
        raise RequestRefused(
            "bad_url", f"a URL begins with http:// or https:// and a host; this one has scheme {url.scheme!r}"
        )
    return url


def _with_query(url: httpx.URL, given: HttpWith) -> httpx.URL:
    params = url.params
    for name, value in given.query.items():
        for entry in value if isinstance(value, list) else [value]:
            if entry is not None:
                params = params.add(name, _text(entry))
    return url.copy_with(params=params) if given.query else url


def _body(given: HttpWith) -> tuple[bytes, str | None]:
    if "json_" in given.model_fields_set:
        return orjson.dumps(given.json_), "application/json"
    if "form" in given.model_fields_set:
        fields = httpx.QueryParams({name: _texts(value) for name, value in given.form.items()})
        return str(fields).encode(), "application/x-www-form-urlencoded"
    if isinstance(given.body, Base64Body):
        return given.body.base64, "application/octet-stream"
    if given.body is not None:
        return given.body.encode(), "text/plain; charset=utf-8"
    return b"", None


def _header(name: str, value: Any) -> str:
    text = _text(value)
    if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING:
        raise RequestRefused("bad_header", f"the header {name!r} cannot be set")
    if not _VALUE.fullmatch(text):
        raise RequestRefused(
            "bad_header", f"the value of the header {name!r} holds characters that headers cannot carry"
        )
    return text.strip()


def _text(value: str | float | bool) -> str:  # noqa: FBT001 - a JSON scalar
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(value: Any) -> str | list[str]:
    return [_text(entry) for entry in value] if isinstance(value, list) else _text(value)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or _DEFAULT_PORTS[url.scheme]
