"""Runs the steps of kind `http`."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
from pydantic import ValidationError

from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.executors.addresses import AddressNotAllowed
from engine.executors.http_body import BodyTooLarge, BodyUnreadable, body_value, excerpt, read_body
from engine.executors.http_request import Outgoing, RequestRefused, outgoing
from engine.executors.http_with import HttpWith
from engine.executors.pinned_transport import Transport
from engine.executors.port import Done, Result, StepContext, StepFailure

MOST_REDIRECTS = 5
EXCERPT_BYTES = 4_096
EXCERPT_CHARACTERS = 2_000

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRYABLE = frozenset({408, 425, 429})
_SERVER_ERROR = 500
_TOLD = ("content-type", "retry-after", "www-authenticate", "x-request-id", "date")
"""Headers of a refused response that help to find the cause."""


class HttpRun:
    """See `Http`."""

    def __init__(self, transport: Transport, *, connect_timeout: timedelta, longest: timedelta) -> None:
        self._transport = transport
        self._connect_seconds = connect_timeout.total_seconds()
        self._longest_seconds = longest.total_seconds()

    async def run(self, step: StepContext) -> Result:
        given = await _revealed(step)
        try:
            request = outgoing(given, idempotency_key=step.idempotency_key)
        except RequestRefused as error:
            raise StepFailure(_failure(step, error.code, str(error), retryable=False)) from error
        try:
            async with asyncio.timeout(self._longest_seconds):
                return Done(await self._exchange(step, given, request))
        except TimeoutError as error:
            message = f"{request.label} did not end within {self._longest_seconds:g} seconds"
            raise StepFailure(_failure(step, "http_timeout", message)) from error

    async def _exchange(self, step: StepContext, given: HttpWith, request: Outgoing) -> dict[str, Any]:
        try:
            for _ in range(MOST_REDIRECTS + 1):
                response = await self._transport.handle_async_request(self._as_httpx(request))
                try:
                    location = response.headers.get("location")
                    if not _is_followed(given, response.status_code, location):
                        return await _outcome(step, given, request, response)
                    request = request.redirected(response.status_code, location)
                finally:
                    await response.aclose()
        except (RequestRefused, BodyUnreadable) as error:
            raise StepFailure(_failure(step, error.code, str(error), retryable=False)) from error
        except BodyTooLarge as error:
            raise StepFailure(_failure(step, "response_too_large", str(error), retryable=False)) from error
        except AddressNotAllowed as error:
            raise StepFailure(_failure(step, "address_not_allowed", str(error), retryable=False)) from error
        except httpx.TimeoutException as error:
            raise StepFailure(_failure(step, "http_timeout", f"{request.label} timed out")) from error
        except httpx.TransportError as error:
            raise StepFailure(_failure(step, "http_unreachable", _broken(request, error))) from error
        message = f"{request.label} was reached after more than {MOST_REDIRECTS} redirects"
        raise StepFailure(_failure(step, "too_many_redirects", message, retryable=False))

    def _as_httpx(self, request: Outgoing) -> httpx.Request:
        timeout = httpx.Timeout(self._longest_seconds, connect=self._connect_seconds)
        headers = [(name, value.encode("latin-1")) for name, value in request.headers.items()]
        return httpx.Request(
            request.method,
            request.url,
            headers=[(name.encode(), value) for name, value in headers],
            content=request.body or None,
            extensions={"timeout": timeout.as_dict()},
        )


def _broken(request: Outgoing, error: httpx.TransportError) -> str:
    return f"{request.label} failed: {str(error) or type(error).__name__}"


async def _revealed(step: StepContext) -> HttpWith:
    written: HttpWith = step.with_
    plain = written.model_dump(by_alias=True, exclude_unset=True)
    revealed = await step.reveal(plain)
    if revealed == plain:
        return written
    try:
        return HttpWith.model_validate(revealed)
    except ValidationError as error:
        # Without the error's own text, which quotes the values.
        places = ", ".join(".".join(str(part) for part in found["loc"]) for found in error.errors(include_input=False))
        message = f"with its secrets in place the request is not valid: {places}"
        raise StepFailure(_failure(step, "bad_request", message, retryable=False)) from None


def _is_followed(given: HttpWith, status: int, location: str | None) -> bool:
    return given.follow_redirects and location is not None and status in _REDIRECTS and not given.expects(status)


async def _outcome(step: StepContext, given: HttpWith, request: Outgoing, response: httpx.Response) -> dict[str, Any]:
    if not given.expects(response.status_code):
        body = await read_body(response, EXCERPT_BYTES, truncate=True)
        raise StepFailure(_unexpected(step, request, response, body))
    body = await read_body(response, given.max_bytes)
    return {
        "status": response.status_code,
        "headers": dict(response.headers),
        "body": body_value(body, response.headers.get("content-type", "")),
    }


def _unexpected(step: StepContext, request: Outgoing, response: httpx.Response, body: bytes) -> Failure:
    status, headers = response.status_code, response.headers
    details: dict[str, Any] = {
        "status": status,
        "headers": {name: headers[name] for name in _TOLD if name in headers},
        "body": excerpt(body, EXCERPT_CHARACTERS),
    }
    if headers.get("retry-after", "").isdecimal():
        details["retry_after_seconds"] = int(headers["retry-after"])
    return _failure(
        step,
        f"http_{status}",
        f"{request.label} answered {status} {response.reason_phrase}".rstrip(),
        retryable=status in _RETRYABLE or status >= _SERVER_ERROR,
        details=details,
    )


def _failure(
    step: StepContext, code: str, message: str, *, retryable: bool = True, details: Mapping[str, Any] | None = None
) -> Failure:
    return Failure(
        kind=FailureKind.TASK, code=code, message=message, step_id=step.step_id, retryable=retryable, details=details
    )
