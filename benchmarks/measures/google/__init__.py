"""Many processes on Firestore and Pub/Sub, as Google's emulators have them: what it costs in documents, how quick it is."""

from benchmarks.emulators import Emulators
from benchmarks.measures.google import across_processes, documents, workers
from benchmarks.results import Row
from benchmarks.scale import Scale


async def measure(scale: Scale) -> list[Row]:
    """Raises `NoEmulator`, `EmulatorFailed`."""
    emulators = Emulators()
    try:
        return [row for part in (documents, across_processes, workers) for row in await part.measure(scale, emulators)]
    finally:
        emulators.close()
