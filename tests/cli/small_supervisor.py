"""A supervisor of small processes, which tell their number to whoever connects: `python -m tests.cli.small_supervisor DIRECTORY COUNT`.

Files in the directory say how the processes behave: `exit` has the code that they end with instead of beginning, and where `deaf` is they
do not hear SIGTERM. They note their beginnings in `begun`.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from engine.settings import Settings
from weft.cli.json_output import print_json_line
from weft.listening import listen
from weft.supervised import take
from weft.supervisor import Supervisor


def supervise(directory: Path, count: int) -> int:
    command = [sys.executable, "-m", "tests.cli.small_supervisor", str(directory)]
    with closing(listen(Settings(port=0))) as listener:
        port = listener.getsockname()[1]
        supervisor = Supervisor(command, listener, grace_seconds=0)
        return asyncio.run(supervisor.run(count, lambda: print_json_line({"port": port, "pid": os.getpid()})))


def begin(directory: Path, listener: int, supervisor: int) -> int:
    with (directory / "begun").open("a") as begun:
        begun.write(f"{os.getpid()}\n")
    code = directory / "exit"
    if code.exists():
        return int(code.read_text())
    handed = take(listener, supervisor)
    handed.end_with_the_supervisor(grace_seconds=0)
    asyncio.run(answer(handed.listener, handed.answers, deaf=(directory / "deaf").exists()))
    return 0


async def answer(listener: socket.socket, on_answering: Callable[[], None], *, deaf: bool) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, (lambda: None) if deaf else stopping.set)
    server = await asyncio.start_server(tell, sock=listener)
    on_answering()
    await stopping.wait()
    server.close()


async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(str(os.getpid()).encode())
    writer.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case [directory, "--supervised", listener, supervisor]:
            sys.exit(begin(Path(directory), int(listener), int(supervisor)))
        case [directory, count]:
            sys.exit(supervise(Path(directory), int(count)))
