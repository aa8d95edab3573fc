"""What the endpoints of triggers have in common: bodies of bounded size, and refusals that say why, or nothing."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from engine.domain.errors import PayloadTooLarge, Unavailable, ValidationFailed

PAUSED_SECONDS, UNAVAILABLE_SECONDS = 60, 5
"""After which a sender may try again."""

_log = logging.getLogger(__name__)


async def whole_body(request: Request, most_bytes: int) -> bytes:
    """As it was sent. Raises `PayloadTooLarge`, `ClientDisconnect`."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most_bytes:
            raise PayloadTooLarge(f"the body is larger than {most_bytes:,} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def answered(taken: Callable[[], Awaitable[Response]]) -> Response:
    """What `taken` answers, or the refusal for what it raises. Whether a sender is believed is not among that."""
    try:
        return await taken()
    except ValidationFailed as error:
        problems = [{"message": each.message, "path": list(each.path)} for each in error.problems]
        return refusal(400, error.code, error.message, details={"problems": problems})
    except PayloadTooLarge as error:
        return refusal(413, error.code, error.message, headers={"connection": "close"})
    except Unavailable as error:
        _log.warning("an event could not be taken: %s", error)
        return again(error.code, "try again in a moment", UNAVAILABLE_SECONDS)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it


def again(code: str, message: str, seconds: int, *, status: int = 503) -> Response:
    return refusal(status, code, message, headers={"retry-after": str(seconds)})


def refusal(
    status: int,
    code: str,
    message: str,
    *,
    details: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    error = {"message": message, "extensions": {"code": code, **(details or {})}}
    return JSONResponse({"errors": [error]}, status, {"cache-control": "no-store", **(headers or {})})
