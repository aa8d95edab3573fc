"""The few calls that the store makes, as an interface: tests put one that fails in its place."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from grpc import StatusCode  # type: ignore[import-untyped]  # grpcio ships no types

from engine.storage.firestore.messages import Message


class CallFailed(Exception):
    """A call was answered with an error, or not at all. `details` is the other side's text, for logs."""

    def __init__(self, code: StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details


MAYBE_APPLIED = frozenset(
    {
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.UNAVAILABLE,
        StatusCode.INTERNAL,
        StatusCode.UNKNOWN,
        StatusCode.CANCELLED,
    }
)
"""After these nobody knows whether a commit was applied."""
PASSING = MAYBE_APPLIED | {StatusCode.ABORTED, StatusCode.RESOURCE_EXHAUSTED}
"""After these it is worth trying again."""
PRECONDITION = frozenset({StatusCode.ALREADY_EXISTS, StatusCode.FAILED_PRECONDITION, StatusCode.NOT_FOUND})
"""A commit was refused as a whole, for what is stored."""


class Calls(ABC):
    """Each is tried once, and raises `CallFailed`, also when `seconds` have passed. Requests and answers are protobuf's messages."""

    @abstractmethod
    async def commit(self, request: Message, seconds: float) -> Message: ...

    @abstractmethod
    async def get_document(self, request: Message, seconds: float) -> Message: ...

    @abstractmethod
    async def batch_get_documents(self, request: Message, seconds: float) -> Sequence[Message]: ...

    @abstractmethod
    async def run_query(self, request: Message, seconds: float) -> Sequence[Message]: ...

    @abstractmethod
    async def run_aggregation_query(self, request: Message, seconds: float) -> Sequence[Message]: ...

    @abstractmethod
    async def close(self) -> None: ...
