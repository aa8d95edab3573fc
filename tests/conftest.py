from collections.abc import Iterator

import pytest

from tests.emulators import Emulators


@pytest.fixture(scope="session")
def emulators() -> Iterator[Emulators]:
    """Starts nothing by itself: each emulator when it is first asked for."""
    running = Emulators()
    yield running
    running.close()
