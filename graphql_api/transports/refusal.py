"""Requests that are answered before anything is executed."""

from collections.abc import Mapping, Sequence
from typing import Any

_MOST_CHARACTERS = 300
_MOST_LOCATIONS = 3


class RequestRefused(Exception):  # it is about the request, and no error of ours
    """`errors` are as they go to the client. `status` is the HTTP status that belongs to them; None where the request
    was well-formed and its GraphQL was not, which older clients expect as 200. `extensions` stand beside the errors.
    """

    def __init__(
        self,
        errors: list[dict[str, Any]],
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors
        self.status = status
        self.headers = headers or {}
        self.extensions = extensions

    def again(self) -> "RequestRefused":
        """The same, without the frames in which it was raised: they hold the document."""
        return RequestRefused(self.errors, status=self.status, headers=self.headers, extensions=self.extensions)

    def with_headers(self, headers: Mapping[str, str]) -> "RequestRefused":
        """Its own headers count where both have one."""
        joined = {**headers, **self.headers}
        return RequestRefused(self.errors, status=self.status, headers=joined, extensions=self.extensions)

    @property
    def response(self) -> dict[str, Any]:
        return (
            {"errors": self.errors}
            if self.extensions is None
            else {"errors": self.errors, "extensions": self.extensions}
        )


def shortened(errors: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without most of what they repeat of the request: graphql-core prints whole literals, and names every place of a repetition."""
    return [_shortened(error) for error in errors]


def _shortened(error: dict[str, Any]) -> dict[str, Any]:
    message = error["message"]
    short = dict(error)
    if len(message) > _MOST_CHARACTERS:
        short["message"] = message[: _MOST_CHARACTERS - 3] + "..."
    if "locations" in error:
        short["locations"] = error["locations"][:_MOST_LOCATIONS]
    return short


def refuse(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> RequestRefused:
    return RequestRefused([{"message": message, "extensions": {"code": code}}], status=status, headers=headers)


def bad_request(message: str) -> RequestRefused:
    return refuse(400, "BAD_REQUEST", message)
