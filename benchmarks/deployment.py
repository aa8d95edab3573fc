"""Weft on Google's emulators: processes of every role in one project of their own, and the CPU time of all of them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import psutil

from benchmarks.emulators import Emulators, project_id
from benchmarks.server import Server, cpu_seconds, serving, user_environment
from benchmarks.side import Side, side


class Deployment:
    def __init__(self, emulators: Emulators) -> None:
        """Starts the emulators that do not run yet. Raises `NoEmulator`, `EmulatorFailed`."""
        self._emulators = emulators
        self.environment = {
            "WEFT_STORE": "firestore",
            "WEFT_BUS": "pubsub",
            "GOOGLE_CLOUD_PROJECT": project_id(),
            "FIRESTORE_EMULATOR_HOST": emulators.firestore,
            "PUBSUB_EMULATOR_HOST": emulators.pubsub,
        }

    @asynccontextmanager
    async def process(self, role: str) -> AsyncIterator[Server]:
        """`weft serve` in a role, settled."""
        async with serving(role=role, environment=self.environment) as server:
            await server.settle()
            yield server

    def side(self, name: str, *arguments: str) -> AbstractAsyncContextManager[Side]:
        """A side that finds the emulators by its environment."""
        return side(name, *arguments, environment={**user_environment(), **self.environment})

    def emulator_cpu_seconds(self) -> dict[str, float]:
        """So far, of Firestore's and Pub/Sub's; of those that were started by somebody else 0."""
        pids = self._emulators.pids
        return {
            name: sum(map(cpu_seconds, psutil.Process(pids[variable]).children(recursive=True)))
            for name, variable in (("Firestore", "FIRESTORE_EMULATOR_HOST"), ("Pub/Sub", "PUBSUB_EMULATOR_HOST"))
            if variable in pids
        }
