"""Coroutines that are begun at once, and only if they have to wait are left to a task."""

from collections.abc import Awaitable, Coroutine, Generator
from typing import Any


def begun(running: Coroutine[Any, Any, None]) -> Awaitable[None] | None:
    """Runs it until it waits for something; the rest is to be awaited, and None where it is done. Raises what it raises until then.

    Python 3.12 has eager tasks for that. It must not ask which task it runs in: it may end in another one.
    """
    try:
        waits_for = running.send(None)
    except StopIteration:
        return None
    return _Rest(running, waits_for)


class _Rest(Awaitable[None]):
    def __init__(self, running: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._running = running
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            yield self._waits_for
        except BaseException:
            self._running.close()
            raise
        yield from self._running.__await__()
