"""Requests that are answered before anything is executed."""

from collections.abc import Mapping
from typing import Any


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

    @property
    def response(self) -> dict[str, Any]:
        return (
            {"errors": self.errors}
            if self.extensions is None
            else {"errors": self.errors, "extensions": self.extensions}
        )


def refuse(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> RequestRefused:
    return RequestRefused([{"message": message, "extensions": {"code": code}}], status=status, headers=headers)


def bad_request(message: str) -> RequestRefused:
    return refuse(400, "BAD_REQUEST", message)
