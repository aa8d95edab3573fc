"""`provision` and `doctor` for Firestore and Pub/Sub, on the emulators."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from engine.bootstrap.provisioning import _STANDINGS
from engine.bus.pubsub import provisioning as pubsub
from engine.storage.firestore import findings as firestore
from tests.emulators import Emulators, project_id
from weft.cli.app import app
from weft.cli.diagnosis.finding import Verdict
from weft.cli.diagnosis.firestore import clock_finding
from weft.cli.exit_codes import ExitCode

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def weft(*arguments: str, **settings: str) -> Result:
    return CliRunner(env=settings).invoke(app, arguments)


def told(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


@pytest.fixture
def on_emulators(emulators: Emulators) -> dict[str, str]:
    return {
        "WEFT_STORE": "firestore",
        "WEFT_BUS": "pubsub",
        "WEFT_PORT": "0",
        "WEFT_URL": "http://127.0.0.1:9",
        "GOOGLE_CLOUD_PROJECT": project_id(),
        "FIRESTORE_EMULATOR_HOST": emulators.firestore,
        "PUBSUB_EMULATOR_HOST": emulators.pubsub,
    }


def test_provision_creates_what_is_missing_and_then_finds_it_there(on_emulators: dict[str, str]) -> None:
    states = []
    for arguments in (("--dry-run",), (), ()):
        result = weft("provision", "--json", *arguments, **on_emulators)
        assert result.exit_code == ExitCode.DONE
        states.append({each["state"] for each in told(result) if each["service"] == "Pub/Sub"})
    assert states == [{"missing"}, {"created"}, {"ready"}]
    assert "Pub/Sub: topic weft.events" in weft("provision", **on_emulators).stdout


def test_provision_has_nothing_to_do_for_an_embedded_store_and_bus() -> None:
    result = weft("provision")
    assert (result.exit_code, result.stdout) == (0, "nothing to do: the store is sqlite and the bus local\n")
    assert weft("provision", "--json").stdout == "[]\n"


def test_provision_says_that_the_emulator_does_not_answer() -> None:
    result = weft("provision", WEFT_BUS="pubsub", PUBSUB_EMULATOR_HOST="127.0.0.1:9")
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert "the Pub/Sub emulator at 127.0.0.1:9 does not answer; start it" in result.stderr


def test_doctor_looks_at_store_clock_indexes_and_topics_and_no_longer_at_the_disk(on_emulators: dict[str, str]) -> None:
    before = told(weft("doctor", "--json", **on_emulators))
    (missing,) = [each for each in before if each["verdict"] != "good"]
    assert (missing["name"], missing["verdict"]) == ("bus", "warning")
    assert "topic weft.events, topic weft.wake" in missing["message"]
    weft("provision", **on_emulators)
    result = weft("doctor", "--json", **on_emulators)
    assert result.exit_code == ExitCode.DONE
    assert [(each["name"], each["verdict"]) for each in told(result)] == [
        (name, "good") for name in ("python", "settings", "store", "clock", "indexes", "bus", "modules", "address")
    ]


def test_doctor_finds_missing_topics_wrong_where_a_start_may_not_create_them(on_emulators: dict[str, str]) -> None:
    result = weft("doctor", "--json", **on_emulators, WEFT_PROVISION="never")
    assert result.exit_code == ExitCode.FAILED
    (missing,) = [each for each in told(result) if each["verdict"] == "bad"]
    assert missing["mend"] == "run `weft provision`"


def test_doctor_says_what_is_wrong_with_credentials_and_emulators_and_goes_on() -> None:
    result = weft(
        "doctor",
        "--json",
        WEFT_STORE="firestore",
        WEFT_BUS="pubsub",
        WEFT_PORT="0",
        FIRESTORE_EMULATOR_HOST="127.0.0.1:9",
        PUBSUB_EMULATOR_HOST="",
        GOOGLE_APPLICATION_CREDENTIALS="/no/such/file.json",
    )
    assert result.exit_code == ExitCode.FAILED
    found = {each["name"]: each for each in told(result)}
    assert "127.0.0.1:9" in found["store"]["message"]
    assert "gcloud auth application-default login" in found["bus"]["message"]
    assert found["modules"]["verdict"] == "good"


def test_without_googles_libraries_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['google.pubsub_v1'] = sys.modules['google.cloud.firestore_v1'] = None\n"
        "from weft.cli.app import main; sys.argv[0] = 'weft'; main()"
    )
    for arguments in (["provision"], ["serve", "--port", "0"]):
        shown = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"WEFT_BUS": "pubsub", "WEFT_STORE": "firestore", "WEFT_URL": "http://127.0.0.1:9", "PATH": ""},
        )
        assert shown.returncode == ExitCode.CONFIGURATION
        assert "needs Google's client libraries: pip install 'weft[gcp]'" in shown.stderr
        assert "Traceback" not in shown.stderr


@pytest.mark.parametrize(
    ("theirs", "verdict", "message"),
    [
        (0.5, Verdict.GOOD, "within 1 s of the store's"),
        (5.9, Verdict.GOOD, "within 1 s of the store's"),
        (-2, Verdict.WARNING, "this machine is 2.0 s ahead of the store"),
        (8, Verdict.WARNING, "this machine is 3.0 s behind the store"),
        (-300, Verdict.BAD, "this machine is 300.0 s ahead of the store"),
    ],
)
def test_clocks_differ_by_what_the_time_of_the_answer_does_not_explain(
    theirs: float, verdict: Verdict, message: str
) -> None:
    found = clock_finding(NOW, NOW + timedelta(seconds=theirs), NOW + timedelta(seconds=5))
    assert (found.verdict, found.message) == (verdict, message)


def test_every_state_of_either_service_has_a_standing() -> None:
    assert set(_STANDINGS) == {state.value for states in (pubsub.State, firestore.State) for state in states}


def test_without_these_services_googles_libraries_are_not_imported() -> None:
    program = (
        "import asyncio, sys\n"
        "from engine.bootstrap.provisioning import diagnose_bus, diagnose_store, provision\n"
        "from engine.settings import Settings\n"
        "import weft.cli.diagnosis, weft.cli.commands.provision\n"
        "assert asyncio.run(provision(Settings())) == asyncio.run(diagnose_bus(Settings())) == []\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('google', 'grpc')])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
