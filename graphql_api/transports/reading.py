"""What a client sent, as a `GraphQLRequest`."""

from typing import Any

import msgspec
from starlette.requests import Request

from graphql_api.transports.json_text import read_json
from graphql_api.transports.operations import GraphQLRequest
from graphql_api.transports.refusal import bad_request, refuse

MAX_BODY = 8 * 1024 * 1024


async def read_request(request: Request) -> GraphQLRequest:
    """Raises `RequestRefused`."""
    if request.method == "GET":
        return _from_query(request)
    if request.method != "POST":
        raise refuse(405, "METHOD_NOT_ALLOWED", "Send a POST, or a GET for queries", {"allow": "GET, POST"})
    _require_json(request.headers.get("content-type", ""))
    return request_of(read_json(await _body(request)))


def request_of(given: Any) -> GraphQLRequest:
    """Raises `RequestRefused` for JSON that is no request, a batch of several among it."""
    try:
        return msgspec.convert(given, GraphQLRequest)
    except msgspec.ValidationError as error:
        raise bad_request(f"This is not a GraphQL request: {error}") from error


def _from_query(request: Request) -> GraphQLRequest:
    given: dict[str, Any] = {
        name: request.query_params[name] for name in ("query", "operationName") if name in request.query_params
    }
    for name in ("variables", "extensions"):
        text = request.query_params.get(name)
        if text:
            given[name] = read_json(text)
    return request_of(given)


def _require_json(content_type: str) -> None:
    """A foreign web page can send other types without asking first; so this also stops forged requests."""
    name, _, parameters = content_type.partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if name.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise refuse(
            415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json in UTF-8", {"accept-post": "application/json"}
        )


async def _body(request: Request) -> bytes:
    """Counts while it reads: what a client says about the length need not be true."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large() -> Exception:
    return refuse(413, "PAYLOAD_TOO_LARGE", f"The body is larger than {MAX_BODY:,} bytes", {"connection": "close"})
