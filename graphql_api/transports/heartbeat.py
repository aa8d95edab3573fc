"""Whether somebody is still there at the other end of a socket, and wants something."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from graphql_api.transports.socket_messages import CloseCode, SocketClosed


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """`init`: until a client must have begun. `ping`: how often it is asked for a sign of life, and `silence` how long it may owe one:
    it is gone then, though the network did not say so. `idle`: how long it may have no operation and ask for nothing. `closing`: how
    long a socket that is closed is waited for that takes nothing.
    """

    init_seconds: float = 10.0
    ping_seconds: float = 25.0
    silence_seconds: float = 60.0
    idle_seconds: float = 600.0
    closing_seconds: float = 5.0


class Heartbeat:
    """One timer, no task. Calls `ping` every so often, and `end` at most once."""

    def __init__(
        self,
        patience: Patience,
        *,
        ping: Callable[[], None],
        busy: Callable[[], bool],
        end: Callable[[SocketClosed], None],
    ) -> None:
        self._patience = patience
        self._ping = ping
        self._busy = busy
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._alive_at = self._wanted_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From the acknowledgement on, before which a client expects nothing else."""
        self._alive_at = self._wanted_at = self._loop.time()
        self._timer = self._loop.call_later(self._patience.ping_seconds, self._beat)

    def alive(self) -> None:
        """A sign of life."""
        self._alive_at = self._loop.time()

    def wanted(self) -> None:
        """The client asked for something of its own accord."""
        self._wanted_at = self._loop.time()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        now = self._loop.time()
        if self._busy():
            self._wanted_at = now
        if now - self._alive_at > self._patience.silence_seconds:
            self._end(SocketClosed(CloseCode.TIMEOUT, "No pong in time"))
        elif now - self._wanted_at > self._patience.idle_seconds:
            self._end(SocketClosed(CloseCode.NORMAL, "Idle: connect again when there is something to ask"))
        else:
            self._ping()
            self._timer = self._loop.call_later(self._patience.ping_seconds, self._beat)
