"""Google's emulators of Firestore and Pub/Sub: each started when it is first asked for, ended with their owner. The tests use them too.

Whoever has one running already names it by Google's own variable, and that one is used. Users keep apart by project id.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

PATIENCE_SECONDS = 90.0
HOW_TO_GET = (
    "install the Google Cloud SDK with the components beta, cloud-firestore-emulator and pubsub-emulator, and Java 17"
)


class NoEmulator(Exception):
    """There is none on this machine; the message says how to get it."""


class EmulatorFailed(Exception):
    """It was started and does not answer; the message has the end of its log."""


class Emulators:
    """`host:port` of each. Raises `NoEmulator`, `EmulatorFailed`."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._addresses: dict[str, str] = {}
        self.pids: dict[str, int] = {}
        """Of those that were started here, by Google's variable: the process that has the emulator as a descendant."""

    @property
    def firestore(self) -> str:
        return self._address("FIRESTORE_EMULATOR_HOST", ("emulators", "firestore", "start"))

    @property
    def pubsub(self) -> str:
        return self._address("PUBSUB_EMULATOR_HOST", ("beta", "emulators", "pubsub", "start", "--project=weft-tests"))

    def close(self) -> None:
        self._running.close()

    def _address(self, variable: str, command: tuple[str, ...]) -> str:
        given = os.environ.get(variable) or self._addresses.get(variable)
        if given is None:
            given = self._addresses[variable] = self._start(variable, command)
        return given

    def _start(self, variable: str, command: tuple[str, ...]) -> str:
        gcloud = shutil.which("gcloud")
        if gcloud is None or shutil.which("java") is None:
            raise NoEmulator(f"no emulator here: {HOW_TO_GET}")
        directory = Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="weft-emulator-")))
        address = f"127.0.0.1:{_free_port()}"
        arguments = [gcloud, "--quiet", *command, f"--host-port={address}"]
        if "pubsub" in command:
            arguments.append(f"--data-dir={directory}")
        with (directory / "log").open("wb") as log:
            # A group of its own: gcloud runs Java as a child, which would outlive it.
            process = subprocess.Popen(arguments, stdout=log, stderr=log, start_new_session=True)
        self._running.callback(_end_group, process)
        _wait_until_it_answers(process, address, directory / "log")
        self.pids[variable] = process.pid
        return address


def project_id() -> str:
    """One that nobody else has."""
    return f"weft-{secrets.token_hex(6)}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"http://{address}/", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise EmulatorFailed(f"the emulator does not answer at {address}:\n{log.read_text()[-2000:]}")


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
    except ProcessLookupError:
        return
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
