"""What a client sent, as a `GraphQLRequest`."""

import asyncio
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.types import Message, Receive, Scope

from graphql_api.transports.json_text import read_json
from graphql_api.transports.refusal import bad_request, refuse
from graphql_api.transports.request import GraphQLRequest
from graphql_api.transports.request_head import Headers

MAX_BODY = 8 * 1024 * 1024
"""Of whoever may send the most, unless the limits say otherwise."""
DROPPED_AT_MOST = 8 * MAX_BODY
"""What is read and thrown away of a body that is too large: a client that is still sending does not look for the answer."""
DROPPING_SECONDS = 5.0


async def read_request(
    scope: Scope, receive: Receive, headers: Headers, *, most_bytes: int = MAX_BODY
) -> GraphQLRequest:
    """Raises `RequestRefused`."""
    if scope["method"] == "GET":
        return _from_query(QueryParams(scope["query_string"]))
    if scope["method"] != "POST":
        raise refuse(405, "METHOD_NOT_ALLOWED", "Send a POST, or a GET for queries", {"allow": "GET, POST"})
    _require_json(headers.get("content-type", ""))
    _require_plain(headers.get("content-encoding", ""))
    return request_of(read_json(await _body(receive, most_bytes)))


def request_of(given: Any) -> GraphQLRequest:
    """Raises `RequestRefused` for JSON that is no request, a batch of several among it."""
    if isinstance(given, list):
        raise bad_request("Batches are not accepted: send one request at a time, or several fields in one")
    try:
        return msgspec.convert(given, GraphQLRequest)
    except msgspec.ValidationError as error:
        raise bad_request(f"This is not a GraphQL request: {error}") from error


def _from_query(asked: QueryParams) -> GraphQLRequest:
    given: dict[str, Any] = {name: asked[name] for name in ("query", "documentId", "operationName") if name in asked}
    for name in ("variables", "extensions"):
        text = asked.get(name)
        if text:
            given[name] = read_json(text)
    return request_of(given)


def _require_json(content_type: str) -> None:
    """A foreign web page can send other types without asking first; so this also stops forged requests."""
    if content_type == "application/json":
        return
    name, _, parameters = content_type.partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if name.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise refuse(
            415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json in UTF-8", {"accept-post": "application/json"}
        )


def _require_plain(content_encoding: str) -> None:
    """A small compressed body may stand for gigabytes."""
    if content_encoding.strip().lower() not in ("", "identity"):
        raise refuse(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body uncompressed", {"accept-encoding": "identity"})


async def _body(receive: Receive, most_bytes: int) -> bytes:
    """Counts while it reads: what a client says about the length need not be true."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        chunk, more = _part(await receive())
        size += len(chunk)
        if size > most_bytes:
            chunks.clear()
            if more:
                await _drop(receive)
            message = f"The body is larger than {most_bytes:,} bytes"
            raise refuse(413, "PAYLOAD_TOO_LARGE", message, {"connection": "close"})
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _part(message: Message) -> tuple[bytes, bool]:
    """And whether there is more to come."""
    if message["type"] == "http.disconnect":  # nobody reads the answer
        raise bad_request("The body is not complete")
    return message.get("body", b""), message.get("more_body", False)


async def _drop(receive: Receive) -> None:
    """Closing a connection on which something is unread resets it, and the answer is lost on the way."""
    dropped, more = 0, True
    try:
        async with asyncio.timeout(DROPPING_SECONDS):
            while more and dropped <= DROPPED_AT_MOST:
                chunk, more = _part(await receive())
                dropped += len(chunk)
    except TimeoutError:
        return
