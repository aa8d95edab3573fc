"""MessageBus: moves hints between processes. Documents are the truth; a message may come late, twice, out of order or never."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime

import msgspec

from engine.domain.errors import WeftError


class NoSuchTopic(WeftError):
    """A topic that does not exist, on a bus where this process may not create it."""

    code = "NOT_FOUND"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Consumers are told the `id`, which is the same each time the message comes, and when it was published, where the bus knows it;
    listeners need not be.
    """

    body: bytes
    attributes: Mapping[str, str]
    id: str = ""
    published_at: datetime | None = None


Handler = Callable[[Message], Awaitable[None]]
"""Acknowledges by returning. Where it raises, the message comes again, at least a few times."""


class MessageBus(ABC):
    @abstractmethod
    async def publish(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        """Hands the message over; at-least-once from here. Raises `Unavailable`, and `NoSuchTopic` where the topic does not exist
        and may not be created.
        """

    @abstractmethod
    def hint(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        """As `publish`, for what is in the store already: neither waits nor raises. It is sent in a moment, together with others;
        beyond a bounded backlog, or where the bus does not answer, it is lost, with a line in the log.
        """

    @abstractmethod
    def consume(
        self, topic: str, group: str, handler: Handler, *, concurrency: int, subscription: str | None = None
    ) -> AbstractAsyncContextManager[None]:
        """While the context is open, this process competes with the group's others for the topic's messages. Closing waits for
        handlers under way.

        With a `subscription` it competes with whoever else consumes that one, of whichever group. It has to exist where the bus has
        any that others made, and is left alone where its messages are pushed. Raises `Unavailable`.
        """

    @abstractmethod
    async def subscribe(self, topic: str, subscription: str) -> None:
        """From now on the subscription keeps the topic's messages until they are consumed, whether or not anybody does so now. One
        that exists is left as it is. Raises `Unavailable`, and `NoSuchTopic` where the topic does not exist and may not be created.
        """

    @abstractmethod
    async def unsubscribe(self, subscription: str) -> None:
        """Deletes it, with what it keeps. It need not exist. Raises `Unavailable`."""

    @abstractmethod
    def listen(
        self, topic: str, *, only: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        """Every message published while the context is open, for this listener alone; with `only`, those whose attributes have all
        these values. A listener that lags beyond a bounded buffer loses the oldest messages, and nobody else is slowed down.
        """

    @abstractmethod
    async def ready(self) -> None:
        """Raises `Unavailable` if the bus does not answer."""

    @abstractmethod
    async def close(self) -> None: ...
