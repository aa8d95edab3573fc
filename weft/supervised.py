"""A process among those of a supervisor: what it is handed, what it says, and how it ends with its supervisor."""

import os
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

ANSWERS = b"."
"""What it says when it answers requests."""
LEAVING_SECONDS = 20.0
"""What a stopping process may take beyond its grace: for the last requests, and to close what it opened."""


class NotSupervised(Exception):
    """These are no sockets that a supervisor handed over."""


@dataclass(frozen=True, slots=True)
class Supervised:
    """`supervisor` is one end of a pair whose other end the supervisor alone holds."""

    listener: socket.socket
    supervisor: socket.socket

    def answers(self) -> None:
        self.supervisor.sendall(ANSWERS)

    def end_with_the_supervisor(self, grace_seconds: float) -> None:
        """However that ended, this process then stops as by a signal, and is killed if it cannot: neither may it hold the address for
        ever, nor work on unseen. In a thread, as whatever the process is busy with must not keep it from noticing.
        """
        threading.Thread(target=self._end, args=(grace_seconds,), name="supervisor", daemon=True).start()

    def _end(self, grace_seconds: float) -> None:
        with suppress(ConnectionError):  # it ended before it heard that this one answers
            self.supervisor.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_seconds + LEAVING_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)


def take(listener: int, supervisor: int) -> Supervised:
    """Of file descriptors. Raises `NotSupervised`. Processes that this one starts do not get them."""
    try:
        handed = Supervised(socket.socket(fileno=listener), socket.socket(fileno=supervisor))
    except OSError as error:
        raise NotSupervised(f"{listener} and {supervisor} are not sockets that a supervisor handed over") from error
    for each in (handed.listener, handed.supervisor):
        each.set_inheritable(False)
    return handed
