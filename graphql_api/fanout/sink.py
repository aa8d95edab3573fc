"""Where the frames of one operation go: its end of a connection."""

from abc import ABC, abstractmethod
from typing import Any

from graphql_api.fanout.frame import Frame
from graphql_api.transports.outbox import Outbox


class Sink(ABC):
    """Nothing of it waits: whoever has much to send looks whether the outbox has room first."""

    __slots__ = ("outbox",)

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox

    @abstractmethod
    def next(self, frame: Frame) -> None:
        """One response."""

    @abstractmethod
    def failed(self, errors: list[Any]) -> None:
        """The end, with errors as they go to the client."""

    @abstractmethod
    def completed(self) -> None:
        """The end, as it should be."""
