"""One response of a subscription, executed and encoded once for all who get it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from graphql import OperationType

from graphql_api.context import Position
from graphql_api.errors import formatted_exception
from graphql_api.transports.json_text import write_json
from graphql_api.transports.operations import Operation, Response

Encoding = Callable[["Frame"], bytes]


class Frame:
    """`seq` and `subject` as `Position` has them. With `errors` it is the last of its stream, and there is no data."""

    __slots__ = ("_encoded", "errors", "payload", "seq", "subject", "text")

    def __init__(self, payload: bytes, seq: int | None, subject: str | None, errors: list[Any] | None = None) -> None:
        self.payload = payload
        self.seq = seq
        self.subject = subject
        self.errors = errors
        self.text = payload.decode()
        self._encoded: tuple[Encoding, bytes] | None = None

    @classmethod
    def of(cls, response: Response, position: Position) -> "Frame":
        errors = None if "data" in response else response["errors"]
        return cls(write_json(response), position.seq, position.subject, errors)

    @classmethod
    def failure(cls, error: Exception) -> "Frame":
        return cls.of({"errors": [formatted_exception(error)]}, Position())

    @property
    def size(self) -> int:
        """In memory, about: as bytes and as text."""
        return len(self.payload) + len(self.text)

    def encoded(self, encoding: Encoding) -> bytes:
        """Remembers the last encoding: readers of one stream nearly always speak the same."""
        if self._encoded is None or self._encoded[0] is not encoding:
            self._encoded = (encoding, encoding(self))
        return self._encoded[1]


async def frames_of(operation: Operation, position: Position) -> AsyncGenerator[Frame, None]:
    """What the operation gives, to its end; `position` is that of its context. Raises nothing."""
    async with aclosing(operation.stream()) as responses:
        async for response in responses:
            if operation.kind is OperationType.SUBSCRIPTION:
                operation.metrics.event_executed()
            try:
                frame = Frame.of(response, position)
            except Exception as error:  # noqa: BLE001 # a value that cannot be written is our mistake; errors.py logs it
                yield Frame.failure(error)
                return
            yield frame
