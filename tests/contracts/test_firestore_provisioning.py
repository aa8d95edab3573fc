"""A database is brought to what the plan asks for, and what is wrong with it is said."""

import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import grpc.aio  # type: ignore[import-untyped]  # grpcio ships no types
import pytest
from google.cloud.firestore_admin_v1 import types

from engine.domain.errors import Unavailable
from engine.storage.errors import CannotOpenStore
from engine.storage.firestore.findings import BAD, Finding, State
from engine.storage.firestore.index_plan import plan_indexes
from engine.storage.firestore.provisioning import diagnose_firestore, provision_firestore
from engine.storage.indexes import COLLECTIONS
from tests.contracts.firestore_admin import (
    DATABASE,
    NAME,
    PROJECT,
    AdminServer,
    Connect,
    Direction,
    IndexState,
    serving_admin,
    transport_to,
)

PLAN = plan_indexes()
ALL = len(PLAN.composites) + len(PLAN.fields)


@pytest.fixture
def server() -> AdminServer:
    return AdminServer()


@pytest.fixture
async def connect(server: AdminServer) -> AsyncIterator[Connect]:
    async with serving_admin(server) as connect:
        yield connect


async def provision(connect: Connect, *, dry_run: bool = False, wait: timedelta | None = None) -> list[Finding]:
    return await provision_firestore(
        project=PROJECT,
        database=DATABASE,
        dry_run=dry_run,
        wait=wait,
        poll=timedelta(milliseconds=1),
        transport=connect(),
    )


async def diagnose(connect: Connect) -> list[Finding]:
    return await diagnose_firestore(project=PROJECT, database=DATABASE, transport=connect())


def states(findings: list[Finding]) -> Counter[State]:
    return Counter(each.state for each in findings)


def stands(findings: list[Finding], what: str) -> State:
    (found,) = (each.state for each in findings if each.what == what)
    return found


async def test_an_empty_database_gets_everything_that_is_planned(server: AdminServer, connect: Connect) -> None:
    assert states(await diagnose(connect)) == {State.MISSING: ALL}
    assert states(await provision(connect)) == {State.CREATED: ALL}
    # To take a field out of the indexes, nothing has to be built.
    bare = sum(not each.indexes and not each.expires for each in PLAN.fields)
    assert bare >= len(COLLECTIONS)
    assert states(await diagnose(connect)) == {State.BUILDING: ALL - bare, State.READY: bare}
    server.builds_in = 0
    assert states(await diagnose(connect)) == {State.READY: ALL}
    expiring = {name for name, field in server.fields.items() if "ttl_config" in field}
    assert expiring == {
        f"{NAME}/collectionGroups/{each.collection}/fields/expire_at" for each in PLAN.fields if each.expires
    }


async def test_doing_it_again_changes_nothing(server: AdminServer, connect: Connect) -> None:
    await provision(connect)
    server.builds_in = 0
    server.calls.clear()
    assert states(await provision(connect)) == {State.READY: ALL}
    assert not {"CreateIndex", "UpdateField"} & set(server.calls)


async def test_looking_changes_nothing(server: AdminServer, connect: Connect) -> None:
    await diagnose(connect)
    assert states(await provision(connect, dry_run=True)) == {State.MISSING: ALL}
    assert set(server.calls) == {"GetDatabase", "ListIndexes", "ListFields"}


async def test_fields_lose_their_automatic_indexes_only_when_the_needed_ones_are_asked_for(
    server: AdminServer, connect: Connect
) -> None:
    await provision(connect)
    order = [tuple(name.split("/")[5::2]) for name in server.fields]
    for collection in {collection for collection, _ in order}:
        paths = [path for each, path in order if each == collection]
        assert paths[-1] == "*"


async def test_one_can_wait_until_everything_is_ready(server: AdminServer, connect: Connect) -> None:
    server.builds_in = 3
    assert states(await provision(connect, wait=timedelta(seconds=10))) == {State.READY: ALL}


async def test_waiting_ends_when_its_time_is_over(connect: Connect) -> None:
    findings = await provision(connect, wait=timedelta(milliseconds=50))
    assert states(findings).keys() <= {State.CREATED, State.BUILDING, State.READY}
    assert states(findings)[State.READY] < ALL
    assert states(findings).total() == ALL


async def test_what_the_plan_does_not_know_is_named_and_kept(server: AdminServer, connect: Connect) -> None:
    await provision(connect)
    server.builds_in = 0
    fields = [types.Index.IndexField(field_path=path, order="ASCENDING") for path in ("lane", "status", "__name__")]
    for collection in ("executions", "somebody_elses"):
        name = f"{NAME}/collectionGroups/{collection}/indexes/by-hand-{collection}"
        server.indexes.append(types.Index(name=name, query_scope="COLLECTION", fields=fields, state="READY"))
    lane = server.fields[f"{NAME}/collectionGroups/executions/fields/lane"]
    lane.index_config.indexes.append(
        types.Index(query_scope="COLLECTION_GROUP", fields=[{"field_path": "lane", "order": "ASCENDING"}])
    )
    extra = [str(each) for each in await provision(connect) if each.state is State.EXTRA]
    assert sorted(extra) == [
        "extra: executions: lane ascending over all parents",
        "extra: executions: lane ascending, status ascending (gcloud firestore indexes composite delete by-hand-executions)",
    ]
    assert len(lane.index_config.indexes) == 2


async def test_an_index_that_somebody_added_to_a_field_stays_when_the_field_is_completed(
    server: AdminServer, connect: Connect
) -> None:
    name = f"{NAME}/collectionGroups/executions/fields/created_at"
    by_hand = types.Index(query_scope="COLLECTION_GROUP", fields=[{"field_path": "created_at", "order": "DESCENDING"}])
    server.fields[name] = types.Field(name=name, index_config=types.Field.IndexConfig(indexes=[by_hand]))
    assert stands(await provision(connect), "executions.created_at") is State.CREATED
    assert len(server.fields[name].index_config.indexes) == 3


async def test_an_index_that_sorts_names_the_other_way_is_another_index(server: AdminServer, connect: Connect) -> None:
    await provision(connect)
    index = next(each for each in server.indexes if each.fields[0].field_path == "series")
    index.fields[-1].order = Direction.ASCENDING
    assert stands(await diagnose(connect), "checkpoints: series ascending, at descending") is State.MISSING


async def test_an_index_that_could_not_be_built_is_named_with_the_way_out(
    server: AdminServer, connect: Connect
) -> None:
    await provision(connect)
    server.indexes[0].state = IndexState.NEEDS_REPAIR
    (broken,) = (each for each in await diagnose(connect) if each.state is State.BROKEN)
    assert broken.detail == "gcloud firestore indexes composite delete i0"


async def test_expiry_that_would_orphan_documents_is_called_harmful(server: AdminServer, connect: Connect) -> None:
    await provision(connect)
    field = server.fields[f"{NAME}/collectionGroups/executions/fields/expire_at"]
    field.ttl_config = types.Field.TtlConfig()
    (harmful,) = (each for each in await diagnose(connect) if each.state is State.HARMFUL)
    assert "executions.expire_at" in harmful.what
    assert "--disable-ttl" in harmful.detail
    assert harmful.state in BAD


async def test_a_refused_index_is_reported_and_the_others_are_created(server: AdminServer, connect: Connect) -> None:
    server.refuses["CreateIndex"] = (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many indexes")
    found = states(await provision(connect, wait=timedelta(milliseconds=20)))
    assert found[State.REFUSED] == len(PLAN.composites)
    assert found[State.MISSING] == 0


async def test_an_index_that_somebody_else_creates_meanwhile_is_as_good(server: AdminServer, connect: Connect) -> None:
    server.refuses["CreateIndex"] = (grpc.StatusCode.ALREADY_EXISTS, "index already exists")
    assert states(await provision(connect)) == {State.CREATED: ALL}


async def test_changes_that_get_in_each_others_way_are_tried_again(server: AdminServer, connect: Connect) -> None:
    server.contended = 2
    assert states(await provision(connect)) == {State.CREATED: ALL}


async def test_a_missing_database_is_named_with_the_command_that_creates_it(
    server: AdminServer, connect: Connect
) -> None:
    server.database = None
    with pytest.raises(
        CannotOpenStore, match=f"gcloud firestore databases create --project={PROJECT} --database='weft'"
    ):
        await provision(connect)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (types.Database(type_=types.Database.DatabaseType.DATASTORE_MODE), "Datastore mode"),
        (types.Database(database_edition=types.Database.DatabaseEdition.ENTERPRISE), "Enterprise"),
    ],
)
async def test_a_database_of_another_kind_is_refused(
    server: AdminServer, connect: Connect, kind: types.Database, word: str
) -> None:
    server.database = kind
    with pytest.raises(CannotOpenStore, match=word):
        await diagnose(connect)
    assert server.calls == ["GetDatabase"]


@pytest.mark.parametrize("method", ["GetDatabase", "ListIndexes", "ListFields", "CreateIndex", "UpdateField"])
async def test_a_missing_permission_is_named_with_the_role_that_gives_it(
    server: AdminServer, connect: Connect, method: str
) -> None:
    server.refuses[method] = (grpc.StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions.")
    with pytest.raises(CannotOpenStore, match=r"insufficient permissions.*roles/datastore\.indexAdmin"):
        await provision(connect)


async def test_a_name_that_is_no_databases_is_refused_in_firestores_words(
    server: AdminServer, connect: Connect
) -> None:
    server.refuses["GetDatabase"] = (grpc.StatusCode.INVALID_ARGUMENT, "Invalid database id")
    with pytest.raises(CannotOpenStore, match="Invalid database id"):
        await diagnose(connect)


@pytest.mark.parametrize("method", ["GetDatabase", "ListIndexes", "CreateIndex"])
async def test_an_api_that_fails_is_unavailable(server: AdminServer, connect: Connect, method: str) -> None:
    server.refuses[method] = (grpc.StatusCode.UNAVAILABLE, "try again")
    with pytest.raises(Unavailable, match="try again"):
        await provision(connect)


async def test_an_api_that_nobody_answers_for_is_unavailable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(Unavailable):
        await diagnose_firestore(project=PROJECT, database=DATABASE, transport=transport_to(address))


async def test_without_credentials_it_is_said_how_to_get_some(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(CannotOpenStore, match="gcloud auth application-default login"):
        await diagnose_firestore(project=PROJECT, database=DATABASE)


async def test_a_key_file_that_is_not_there_is_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(CannotOpenStore, match=r"none\.json"):
        await diagnose_firestore(project=PROJECT, database=DATABASE)


Command = Callable[..., Awaitable[list[Finding]]]


@pytest.mark.parametrize("command", [provision_firestore, diagnose_firestore])
async def test_an_emulator_needs_nothing(command: Command) -> None:
    (finding,) = await command(project=None, database=DATABASE, emulator="127.0.0.1:1")
    assert str(finding) == "not needed: indexes (the emulator answers without any)"
