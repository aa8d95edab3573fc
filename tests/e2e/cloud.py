"""Real server processes of every role over the emulators, to be stopped, killed and frozen."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.emulators import Emulators, project_id
from engine.storage.firestore import FirestoreStore

PATIENCE_SECONDS = 150.0
LOOK_SECONDS = 0.02


class Process:
    """`weft serve` of one role. What it says on standard error stands in `log`."""

    def __init__(self, name: str, role: str, directory: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.role = role
        self.url = ""
        self._announced = directory / f"{name}.out"
        self._log = directory / f"{name}.log"
        with self._announced.open("wb") as output, self._log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "weft", "serve", "--port", "0", "--json", "--role", role],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    async def ready(self) -> Self:
        """Once it has said where it listens."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (line := self._announced.read_text(encoding="utf-8")).endswith("\n"):
                assert self.running, f"{self.name} ended with {self._process.returncode}:\n{self.log[-2000:]}"
                await asyncio.sleep(LOOK_SECONDS)
        self.url = json.loads(line)["url"]
        return self

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (code := self._process.poll()) is None:
                await asyncio.sleep(LOOK_SECONDS)
        return code

    async def kill(self) -> None:
        """As the kernel does when memory is short: no goodbye."""
        self._process.send_signal(signal.SIGKILL)
        code = await self.ended()
        assert code == -signal.SIGKILL, f"{self.name} had ended with {code} before it was killed:\n{self.log[-2000:]}"

    async def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        self.terminate()
        return await self.ended()

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def put_away(self) -> None:
        if self.running:
            self._process.kill()
        self._process.wait(PATIENCE_SECONDS)


class Cloud:
    """One project on the emulators and the processes that share it. Those that are left are killed with it."""

    def __init__(self, directory: Path, emulators: Emulators, **settings: str) -> None:
        self.directory = directory
        self.project = project_id()
        self.firestore = emulators.firestore
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WEFT_")},
            "GOOGLE_CLOUD_PROJECT": self.project,
            "FIRESTORE_EMULATOR_HOST": emulators.firestore,
            "PUBSUB_EMULATOR_HOST": emulators.pubsub,
            "WEFT_STORE": "firestore",
            "WEFT_BUS": "pubsub",
            **settings,
        }
        self.processes: list[Process] = []
        """All that were ever begun."""

    def begin(self, role: str, **settings: str) -> Process:
        """One that may not be ready yet."""
        name = f"{role}-{len(self.processes)}"
        process = Process(name, role, self.directory, {**self._environment, **settings})
        self.processes.append(process)
        return process

    async def start(self, role: str, **settings: str) -> Process:
        return await self.begin(role, **settings).ready()

    async def start_all(self, *roles: str) -> list[Process]:
        """At the same time."""
        return list(await asyncio.gather(*(self.start(role) for role in roles)))

    async def open_store(self) -> FirestoreStore:
        """For whoever closes it."""
        return await FirestoreStore.open(project=self.project, database="(default)", emulator=self.firestore)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for process in self.processes:
            process.put_away()


def key() -> str:
    """An idempotency key."""
    return secrets.token_hex(8)
