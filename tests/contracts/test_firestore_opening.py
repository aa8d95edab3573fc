"""Opening Firestore: what whoever starts a server is told, and what is left when the store is closed."""

import subprocess
import sys
from pathlib import Path

import pytest
from grpc import StatusCode  # type: ignore[import-untyped]  # grpcio ships no types

from engine.domain.errors import Unavailable
from engine.storage.errors import CannotOpenStore
from engine.storage.firestore import FirestoreStore
from engine.storage.firestore.database import Database
from engine.storage.port import Create
from tests.contracts.failing_calls import refused
from tests.contracts.firestore_stores import IMPATIENT, failing_store, new_database
from tests.emulators import Emulators, project_id


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without credentials, which is not in Google's cloud either."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    return tmp_path


@pytest.mark.usefixtures("nowhere")
async def test_without_credentials_and_emulator_it_says_how_to_get_either() -> None:
    with pytest.raises(CannotOpenStore, match=r"no credentials.*gcloud auth.*FIRESTORE_EMULATOR_HOST") as refusal:
        await FirestoreStore.open(project="p", database="(default)", emulator=None)
    assert refusal.value.code == Unavailable.code


async def test_a_key_file_that_cannot_be_read_is_named(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(nowhere / "key.json"))
    with pytest.raises(CannotOpenStore, match=r"credentials for Firestore cannot be used.*key\.json"):
        await FirestoreStore.open(project="p", database="(default)", emulator=None)


async def test_an_emulator_that_does_not_run_is_named() -> None:
    nobody = Database(project="p", database="(default)", emulator="127.0.0.1:1")
    async with failing_store(nobody, IMPATIENT) as (store, _):
        with pytest.raises(CannotOpenStore, match=r"emulator at 127\.0\.0\.1:1 does not answer"):
            await store.check()


@pytest.mark.parametrize(
    ("code", "details", "said"),
    [
        (
            StatusCode.NOT_FOUND,
            "The database (default) does not exist for project {project}",
            r"gcloud firestore databases create --project={project}",
        ),
        (StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions.", r"roles/datastore\.user"),
        (StatusCode.PERMISSION_DENIED, "Cloud Firestore API has not been used", r"enable firestore\.googleapis\.com"),
        (StatusCode.UNAUTHENTICATED, "", "does not let this account"),
        (StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded.", "quota .* is used up"),
        (StatusCode.FAILED_PRECONDITION, "in Datastore Mode", "native mode"),
        (StatusCode.INVALID_ARGUMENT, "Invalid project id", "check GOOGLE_CLOUD_PROJECT and WEFT_DATABASE"),
        (StatusCode.DEADLINE_EXCEEDED, "", "does not answer"),
    ],
)
async def test_what_firestore_answers_to_the_first_call_is_said_with_what_to_do(
    emulators: Emulators, code: StatusCode, details: str, said: str
) -> None:
    database = new_database(emulators)
    async with failing_store(database, IMPATIENT) as (store, calls):
        calls.reads.extend([refused(code, details.format(project=database.project))] * 100)
        with pytest.raises(CannotOpenStore, match=said.format(project=database.project)):
            await store.check()


async def test_one_process_may_have_several_stores_on_one_database(emulators: Emulators) -> None:
    project, path = project_id(), "tenants/t/executions/a"
    stores = [
        await FirestoreStore.open(project=project, database=name, emulator=emulators.firestore)
        for name in ("(default)", "(default)", "another")
    ]
    try:
        assert not stores[0].exclusive
        await stores[0].commit([Create(path=path, body=b"1")])
        assert [bool(await store.get(path)) for store in stores] == [True, True, False]
    finally:
        for store in stores:
            await store.close()


_OPEN_AND_CLOSE = """
import asyncio, sys, threading, warnings
from engine.storage.firestore import FirestoreStore
from engine.storage.port import Create

async def main(n):
    store = await FirestoreStore.open(project=sys.argv[1], database="(default)", emulator=sys.argv[2])
    await store.commit([Create(path=f"tenants/t/executions/{n}", body=b"")])
    assert await store.count("tenants/t/executions") == n + 1
    await store.close()

for n in range(3):  # one client for each event loop
    asyncio.run(main(n), debug=True)
print(sorted(thread.name for thread in threading.enumerate()))
"""


def test_closing_leaves_no_thread_and_nothing_open(emulators: Emulators) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _OPEN_AND_CLOSE, project_id(), emulators.firestore],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "['MainThread']", "")
