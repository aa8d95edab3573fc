"""One operation's end of a WebSocket."""

from collections.abc import Callable
from typing import Any

from graphql_api.fanout.frame import Frame
from graphql_api.fanout.reader import Reader
from graphql_api.fanout.sink import Sink
from graphql_api.transports.json_text import write_json
from graphql_api.transports.outbox import Outbox


def put_json(outbox: Outbox, message: dict[str, Any]) -> None:
    """As a text frame: browsers' clients take no others."""
    text = write_json(message).decode()
    outbox.put({"type": "websocket.send", "text": text}, len(text))


class SocketSink(Sink):
    """What an event costs here is putting the operation's id around what is encoded already. `ended` is called with the id at the end."""

    __slots__ = ("_ended", "_head", "_id", "reader")

    def __init__(self, outbox: Outbox, operation_id: str, ended: Callable[[str], None]) -> None:
        super().__init__(outbox)
        self._id = operation_id
        self._ended = ended
        self._head = f'{{"id":{write_json(operation_id).decode()},"type":"next","payload":'
        self.reader: Reader | None = None

    def next(self, frame: Frame) -> None:
        text = f"{self._head}{frame.text}}}"
        self.outbox.put({"type": "websocket.send", "text": text}, len(text))

    def failed(self, errors: list[Any]) -> None:
        self._ended(self._id)
        put_json(self.outbox, {"id": self._id, "type": "error", "payload": errors})

    def completed(self) -> None:
        self._ended(self._id)
        put_json(self.outbox, {"id": self._id, "type": "complete"})

    def cancel(self) -> None:
        if self.reader is not None:
            self.reader.cancel()
