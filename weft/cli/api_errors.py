"""What can go wrong between a client and a server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class ApiError(Exception):
    """The root. The message is for people."""


class NoServer(ApiError):
    """Nothing answers at the address, or what answers is not Weft. No request has been carried out."""


class Unauthenticated(ApiError):
    """The server asks who is calling, and the token does not tell, or there is none. `shown` is whether there was one."""

    def __init__(self, url: str, *, shown: bool) -> None:
        super().__init__(
            f"{url} does not accept the token in WEFT_TOKEN: it is wrong, has expired or was withdrawn"
            if shown
            else f"{url} asks for a token: set WEFT_TOKEN"
        )


class ConnectionLost(ApiError):
    """The connection broke while a request was under way, or a stream was: what was asked may have been done or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One error that a server answered with. `code` is its stable word, such as NOT_FOUND; `path` leads from the root of
    the input to what is wrong; `details` are the error's other fields.
    """

    code: str
    message: str
    path: tuple[str, ...] = ()
    hint: str | None = None
    details: Mapping[str, Any]

    @classmethod
    def from_payload(cls, error: Mapping[str, Any]) -> "Refusal":
        """An item of `errors` in the payload of a mutation."""
        known = ("code", "message", "path", "hint")
        return cls(
            code=error["code"],
            message=error["message"],
            path=tuple(error.get("path") or ()),
            hint=error.get("hint"),
            details={name: value for name, value in error.items() if name not in known},
        )

    @classmethod
    def from_response(cls, error: Mapping[str, Any]) -> "Refusal":
        """An item of `errors` at the top level of a response."""
        extensions = error.get("extensions") or {}
        return cls(
            code=str(extensions.get("code", "INTERNAL")),
            message=str(error.get("message", "the server did not say why")),
            path=tuple(extensions.get("argumentPath") or ()),
            details=extensions,
        )


class RequestRefused(ApiError):
    """The server answered, and said no. Carries every reason."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(refusal.message for refusal in refusals))
        self.refusals = tuple(refusals)

    @property
    def code(self) -> str:
        """Of the first reason."""
        return self.refusals[0].code
