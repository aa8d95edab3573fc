"""Many processes on Firestore and Pub/Sub, as Google's emulators have them: what it costs in documents, how quick it is."""

import asyncio
import signal

from benchmarks.emulators import Emulators
from benchmarks.measures.google import across_processes, documents, events, workers
from benchmarks.results import Row
from benchmarks.scale import Scale


async def measure(scale: Scale) -> list[Row]:
    """Raises `NoEmulator`, `EmulatorFailed`."""
    emulators = Emulators()
    loop, measuring = asyncio.get_running_loop(), asyncio.current_task()
    assert measuring is not None
    # The emulators are not among the children that a terminal or `timeout` ends together with this process.
    loop.add_signal_handler(signal.SIGTERM, measuring.cancel)
    try:
        return [
            row
            for part in (documents, across_processes, workers, events)
            for row in await part.measure(scale, emulators)
        ]
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        emulators.close()
