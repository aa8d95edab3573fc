"""Several server processes on one address. The supervisor holds the address, starts them, and starts again what dies."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from engine.settings import Settings
from weft.listening import listen, url_of
from weft.supervised import ANSWERS, LEAVING_SECONDS

LONGEST_PAUSE_SECONDS = 30.0
_SAME_AGAIN = (2, os.EX_USAGE, os.EX_CONFIG)
"""Exit codes of a process that another try with the same command line and settings would end with, too."""

_log = logging.getLogger(__name__)


def supervise(settings: Settings, on_listening: Callable[[str], None]) -> int:
    """Until a signal; gives the exit code. `on_listening` gets the URL when every process answers.

    Raises `AddressInUse`, `AddressRefused`.
    """
    command = [*weft_again(sys.argv[0]), "serve", "--role", settings.role, "--workers", "1"]
    with closing(listen(settings)) as listener:
        url = url_of(listener)
        supervisor = Supervisor(command, listener, grace_seconds=settings.grace.total_seconds())
        return asyncio.run(supervisor.run(settings.workers, lambda: on_listening(url)))


def weft_again(program: str) -> list[str]:
    """The command that starts Weft as it was started: `python -m` looks for modules in the working directory first, the installed
    `weft` does not, and would take any `engine` there for its own.
    """
    by_module = Path(program).name == "__main__.py"
    return [sys.executable, *(() if by_module else ("-P",)), "-m", "weft"]


def pause_seconds(deaths: int) -> float:
    """Before another process takes the place of one that died, after so many `deaths` before it in a row."""
    return min(2.0**deaths, LONGEST_PAUSE_SECONDS)


class Supervisor:
    """Of processes of one `command`, which gets `--supervised` with two file descriptors: see `weft.supervised`.

    The first process is alone until it answers, so that what is wrong with the settings is said once.
    """

    def __init__(self, command: Sequence[str], listener: socket.socket, *, grace_seconds: float) -> None:
        self._command = command
        self._listener = listener
        self._patience = grace_seconds + LEAVING_SECONDS
        self._processes: set[_Process] = set()
        self._one_answers = asyncio.Event()
        self._stopping = asyncio.Event()
        self._killed_by: signal.Signals | None = None
        self._code = 0

    async def run(self, count: int, on_answering: Callable[[], None]) -> int:
        """`on_answering` is called once, when all `count` of them answer. Gives the exit code, when none is left."""
        places = [asyncio.Event() for _ in range(count)]
        with self._signals():
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(_tell(places, on_answering))
                keeping = [group.create_task(self._keep(place, first=place is places[0])) for place in places]
                await asyncio.wait(keeping)
                telling.cancel()
        if self._killed_by is not None:
            signal.raise_signal(self._killed_by)
        return self._code

    async def _keep(self, answers: asyncio.Event, *, first: bool) -> None:
        """One process at a time, until the stop. `answers` is set when one of them did."""
        if not first:
            await self._one_answers.wait()
        deaths = 0
        while not self._stopping.is_set():
            lived = await self._live(answers)
            if self._stopping.is_set():
                break
            deaths = 0 if lived > LONGEST_PAUSE_SECONDS else deaths
            _log.warning("another process begins in %g s", pause_seconds(deaths))
            await self._pause(pause_seconds(deaths))
            deaths += 1

    async def _live(self, answers: asyncio.Event) -> float:
        """One process, from its start to its end. How many seconds it answered."""
        loop = asyncio.get_running_loop()
        process = await _Process.start(self._command, self._listener)
        self._processes.add(process)
        if self._stopping.is_set():
            process.end(signal.SIGTERM if self._killed_by is None else signal.SIGKILL)
        began = None
        if await process.answers():
            began = loop.time()
            answers.set()
            self._one_answers.set()
        code = await process.ended()
        self._processes.discard(process)
        if self._stopping.is_set():
            self._has_left(process, code)
        elif code in _SAME_AGAIN or (code > 0 and not answers.is_set()):
            self._code = code
            self._stop()
        else:
            _log.error("process %d ended unexpectedly, %s", process.pid, _how(code))
        return 0.0 if began is None else loop.time() - began

    def _has_left(self, process: "_Process", code: int) -> None:
        """One that had not begun to work when it was asked to stop ends by the signal itself."""
        if self._killed_by is None and code not in (0, -signal.SIGTERM):
            _log.error("process %d did not stop in order, %s", process.pid, _how(code))
            self._code = self._code or (code if code > 0 else os.EX_SOFTWARE)

    def _stop(self) -> None:
        """Once. From now on connections are refused, when the processes let go of the address, too."""
        _log.info("stopping %d processes", len(self._processes))
        self._stopping.set()
        self._one_answers.set()
        self._listener.close()
        for process in self._processes:
            process.end(signal.SIGTERM)
        asyncio.get_running_loop().call_later(self._patience, self._kill)

    def _kill(self) -> None:
        for process in self._processes:
            process.end(signal.SIGKILL)

    async def _pause(self, seconds: float) -> None:
        """Or until the stop, if that is sooner."""
        stop = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((stop,), timeout=seconds)
        stop.cancel()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first one stops the processes, which drain. A second one kills them, and then this process."""
        loop = asyncio.get_running_loop()

        def signalled(number: signal.Signals) -> None:
            if not self._stopping.is_set():
                self._stop()
            else:
                self._killed_by = number
                self._kill()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, signalled, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


class _Process:
    """A supervised one, and the end of the pair that is the supervisor's."""

    def __init__(self, process: asyncio.subprocess.Process, pair: socket.socket) -> None:
        self._process = process
        self._pair = pair

    @classmethod
    async def start(cls, command: Sequence[str], listener: socket.socket) -> "_Process":
        """In a process group of its own: Ctrl-C in a terminal is for the supervisor, which passes it on."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - it takes no keyword
        handed = (listener.fileno(), theirs.fileno())
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command,
                "--supervised",
                *map(str, handed),
                pass_fds=handed,
                stdin=asyncio.subprocess.DEVNULL,
                process_group=0,
            )
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def answers(self) -> bool:
        """Once it does; False if it ended before."""
        return await asyncio.get_running_loop().sock_recv(self._pair, 1) == ANSWERS

    async def ended(self) -> int:
        """The exit code, or the negative number of the signal that it died of."""
        code = await self._process.wait()
        self._pair.close()
        return code

    def end(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):  # it ended, and that is not known here yet
                os.kill(self.pid, number)


async def _tell(places: Iterable[asyncio.Event], on_answering: Callable[[], None]) -> None:
    for answers in places:
        await answers.wait()
    on_answering()


def _how(code: int) -> str:
    return f"with code {code}" if code >= 0 else f"killed by signal {-code}"
