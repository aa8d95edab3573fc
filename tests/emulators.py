"""Google's emulators of Firestore and Pub/Sub: started when a test first asks for one, shared by all, ended with the session.

Whoever has one running already names it by Google's own variable, and that one is used. Tests keep apart by project id.
"""

import os
from typing import NoReturn

import pytest

from benchmarks import emulators
from benchmarks.emulators import HOW_TO_GET, EmulatorFailed, NoEmulator, project_id

__all__ = ["HOW_TO_GET", "Emulators", "project_id"]


class Emulators(emulators.Emulators):
    """`host:port` of each. Where one cannot be had, a test is skipped on a laptop and fails in CI."""

    @property
    def firestore(self) -> str:
        try:
            return super().firestore
        except (NoEmulator, EmulatorFailed) as error:
            _without(error)

    @property
    def pubsub(self) -> str:
        try:
            return super().pubsub
        except (NoEmulator, EmulatorFailed) as error:
            _without(error)


def _without(error: NoEmulator | EmulatorFailed) -> NoReturn:
    if isinstance(error, NoEmulator) and not os.environ.get("CI"):
        pytest.skip(str(error))
    pytest.fail(str(error))
