"""One operation's end of a WebSocket."""

from collections.abc import Callable
from typing import Any

from starlette.types import Message

from graphql_api.fanout.frame import Frame
from graphql_api.fanout.reader import Reader
from graphql_api.fanout.sink import Sink
from graphql_api.transports.json_text import write_json
from graphql_api.transports.outbox import Outbox


def text_message(text: str) -> Message:
    """Browsers' clients take text frames alone."""
    return {"type": "websocket.send", "text": text}


def put_json(outbox: Outbox, message: dict[str, Any]) -> None:
    encoded = write_json(message)
    outbox.put(text_message(encoded.decode()), len(encoded))


class SocketSink(Sink):
    """What an event costs here is putting the operation's id around what is encoded already. `ended` is called with the id at the end."""

    def __init__(self, outbox: Outbox, operation_id: str, ended: Callable[[str], None]) -> None:
        self.outbox = outbox
        self._id = operation_id
        self._ended = ended
        self._head = f'{{"id":{write_json(operation_id).decode()},"type":"next","payload":'
        self.reader: Reader | None = None

    def next(self, frame: Frame) -> None:
        self.outbox.put(text_message(f"{self._head}{frame.text}}}"), len(frame.payload) + len(self._head))

    def failed(self, errors: list[Any]) -> None:
        self._ended(self._id)
        put_json(self.outbox, {"id": self._id, "type": "error", "payload": errors})

    def completed(self) -> None:
        self._ended(self._id)
        put_json(self.outbox, {"id": self._id, "type": "complete"})

    def cancel(self) -> None:
        if self.reader is not None:
            self.reader.cancel()
