"""Starts that cannot succeed: each ends with its code and says why in one sentence, also where it would have been several processes."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.e2e.cloud import Cloud, Process
from tests.emulators import Emulators

NOWHERE = "127.0.0.1:9"
NO_CREDENTIALS = {"NO_GCE_CHECK": "true", "HOME": "/nonexistent", "CLOUDSDK_CONFIG": "/nonexistent"}
SEVERAL = {"WEFT_WORKERS": "2"}

CASES: dict[str, tuple[str, dict[str, str], int, str]] = {
    "role": ("worker", {"WEFT_STORE": "sqlite", "WEFT_BUS": "local"}, 78, "the role worker needs"),
    "bus": ("api", {"WEFT_BUS": "local"}, 78, "WEFT_STORE=firestore and WEFT_BUS=pubsub"),
    "firestore": ("all", {"FIRESTORE_EMULATOR_HOST": NOWHERE}, 75, f"the emulator at {NOWHERE}"),
    "pubsub": ("all", {"PUBSUB_EMULATOR_HOST": NOWHERE}, 75, f"emulator at {NOWHERE}"),
    "credentials": (
        "all",
        {"FIRESTORE_EMULATOR_HOST": "", **NO_CREDENTIALS},
        75,
        "no credentials for Firestore",
    ),
    "several: tokens": (
        "all",
        {"WEFT_AUTH": "token", "WEFT_TOKENS_FILE": "/nonexistent.yaml", **SEVERAL},
        78,
        "/nonexistent.yaml",
    ),
    "several: modules": ("all", {"WEFT_MODULES": "no_such_module", **SEVERAL}, 78, "no_such_module"),
    "several: firestore": ("all", {"FIRESTORE_EMULATOR_HOST": NOWHERE, **SEVERAL}, 75, NOWHERE),
    "several: address": ("all", {"WEFT_HOST": "0.0.0.0", **SEVERAL}, 78, "reachable from other machines"),
}
"""Role, settings, exit code, and what is said."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, emulators: Emulators) -> Iterator[dict[str, Process]]:
    """All at once, since some of them wait some seconds for what is not there."""
    with closing(Cloud(tmp_path_factory.mktemp("refused"), emulators)) as cloud:
        yield {name: cloud.begin(role, **settings) for name, (role, settings, _, _) in CASES.items()}


@pytest.mark.parametrize("name", CASES)
async def test_a_start_that_cannot_succeed_says_why_in_a_sentence(begun: dict[str, Process], name: str) -> None:
    _, _, code, reason = CASES[name]
    process = begun[name]
    assert await process.ended() == code, process.log
    lines = process.log.splitlines()
    (said,) = [line for line in lines if line.startswith("weft: ")]
    assert reason in said
    assert "Traceback" not in process.log
    others = [line for line in lines if line is not said and " weft.supervisor: " not in line]
    assert len(others) <= 1, "a library may say what it tried"
