"""One tenant's token opens nothing of another: what is foreign is answered as what never was, word by word."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from graphql_api.schema import build_schema
from tests.api.client import Api
from tests.api.definitions import sums
from tests.api.tenants import UNKNOWN, Tenants, renamed
from tests.api.world import World, full_inputs
from tests.stored_documents import stored_in

NODE = "query($id: ID!) { node(id: $id) { id __typename } }"
BY_ID = {
    "ex": [
        NODE,
        "query($id: ID!) { nodes(ids: [$id, $id]) { id } }",
        "query($id: ID!) { execution(id: $id) { id status output steps { totalCount } } }",
    ],
    "ba": [
        NODE,
        "query($id: ID!) { batch(id: $id) { id total items { totalCount } } }",
        "query($id: ID!) { executions(filter: {batchId: $id}) { totalCount nodes { id } } }",
    ],
    "wf": [NODE],
    "tr": [NODE, "query($id: ID!) { executions(filter: {triggerId: $id}) { totalCount nodes { id } } }"],
    "de": [NODE],
}
WORKFLOWS = {"sums": "suns", "asks": "axes", "fails": "flies", "draft": "drift", "archived": "archives"}
TRIGGERS = {"orders": "ardors", "nightly": "slightly"}
NAMES = WORKFLOWS | TRIGGERS
"""Of the world, and names that nobody has."""
MUTATIONS = build_schema()._schema.mutation_type.fields  # type: ignore[union-attr] # it has one
CREATE = "mutation($input: CreateWorkflowInput!) { createWorkflow(input: $input) { workflow { id } errors { code } } }"
START = "mutation($input: StartExecutionInput!) { startExecution(input: $input) { execution { id } errors { code } } }"
CANCEL_ALL = """
    mutation($input: BulkExecutionsInput!) {
      cancelExecutions(input: $input) {
        batch { total accepted items { nodes { execution { id } error { code message path } } } }
        errors { code message path }
      }
    }
"""


async def ids_of(tenants: Tenants, world: World) -> dict[str, list[str]]:
    """All that there is in the world, by kind."""
    workflows = (await tenants.alice.query("{ workflows(first: 100) { nodes { id } } }"))["workflows"]["nodes"]
    executions = (await tenants.alice.query("{ executions(first: 100) { nodes { id } } }"))["executions"]["nodes"]
    triggers = (await tenants.alice.query("{ triggers(first: 100) { nodes { id } } }"))["triggers"]["nodes"]
    listed = {"wf": workflows, "ex": executions, "tr": triggers}
    found = {kind: [node["id"] for node in nodes] for kind, nodes in listed.items()}
    assert (len(found["wf"]), len(found["tr"])) == (len(WORKFLOWS), len(TRIGGERS))
    assert {world.ended, world.failed, world.waiting, world.paused} < set(found["ex"])
    return found | {"ba": [world.batch], "de": [world.delivery]}


async def test_what_there_is_opens_to_its_owner(tenants: Tenants, world: World) -> None:
    for found in (await ids_of(tenants, world)).values():
        for each in found:
            assert (await tenants.alice.query(NODE, id=each))["node"]["id"] == each


async def test_what_is_foreign_is_read_as_what_never_was(tenants: Tenants, world: World) -> None:
    for kind, found in (await ids_of(tenants, world)).items():
        for query in BY_ID[kind]:
            never = await tenants.bob_gets(query, id=UNKNOWN[kind])
            assert '"errors"' not in never
            for each in found:
                assert renamed(await tenants.bob_gets(query, id=each), {each: UNKNOWN[kind]}) == never


@pytest.mark.usefixtures("world")
async def test_versions_and_names_of_workflows_are_hidden_too(tenants: Tenants) -> None:
    query = "query($name: String!) { workflow(name: $name) { id activeVersion { id } } }"
    version = (await tenants.alice.query(query, name="sums"))["workflow"]["activeVersion"]["id"]
    assert (await tenants.alice.query(NODE, id=version))["node"]["id"] == version
    assert await tenants.bob.query(NODE, id=version) == {"node": None}
    assert await tenants.bob.query(query, name="sums") == {"workflow": None}
    by_name = "query($name: String!) { executions(filter: {workflow: $name}) { totalCount } }"
    assert (await tenants.bob.query(by_name, name="sums"))["executions"]["totalCount"] == 0


@pytest.mark.usefixtures("world")
async def test_lists_and_counts_are_empty(tenants: Tenants) -> None:
    for field in ("workflows", "executions", "waitingSteps", "triggers"):
        query = f"{{ {field} {{ totalCount nodes {{ __typename }} pageInfo {{ hasNextPage endCursor }} }} }}"
        page = {"hasNextPage": False, "endCursor": None}
        assert await tenants.bob.query(query) == {field: {"totalCount": 0, "nodes": [], "pageInfo": page}}
        assert (await tenants.alice.query(query))[field]["totalCount"] > 0


@pytest.mark.usefixtures("world")
async def test_a_cursor_of_another_tenant_opens_nothing(tenants: Tenants) -> None:
    for field in ("workflows", "executions", "waitingSteps", "triggers"):
        page = f"{field}(first: 1, after: $after) {{ nodes {{ __typename }} pageInfo {{ endCursor }} }}"
        page = f"query($after: String) {{ {page} }}"
        cursor = (await tenants.alice.query(page, after=None))[field]["pageInfo"]["endCursor"]
        assert cursor
        assert (await tenants.bob.query(page, after=cursor))[field]["nodes"] == []


def invented(given: Any, names: dict[str, str]) -> Any:
    """The same input about things that never were."""
    return json.loads(renamed(json.dumps(given), {f'"{real}"': f'"{never}"' for real, never in names.items()}))


def document_of(mutation: str) -> str:
    type_ = MUTATIONS[mutation].args["input"].type
    return f"mutation($input: {type_}) {{ {mutation}(input: $input) {{ errors {{ __typename code message path }} }} }}"


@contextmanager
def untouched(database: Path) -> Iterator[None]:
    """Nothing of alice's may change."""
    before = {name: digest for name, digest in stored_in(database).items() if "tenants/local/" in name}
    assert before
    yield
    assert {name: digest for name, digest in stored_in(database).items() if "tenants/local/" in name} == before


async def test_no_mutation_reaches_what_is_foreign_or_tells_it_from_what_never_was(
    tenants: Tenants, world: World, tmp_path: Path
) -> None:
    names = {each: UNKNOWN[each[:2]] for each in asdict(world).values()} | NAMES
    inputs = full_inputs(world)
    del inputs["createWorkflow"], inputs["publishEvent"]  # which name nothing that exists
    with untouched(tmp_path / "weft.db"):
        for name, given in inputs.items():
            answers = []
            for number, asked in enumerate((given, invented(given, names))):
                key = {"idempotencyKey": f"{name} {number}"} if "idempotencyKey" in given else {}
                answers.append(renamed(await tenants.bob_gets(document_of(name), input=asked | key), names))
            assert answers[0] == answers[1]
            by_name_or_id = not {"items", "ids", "filter"} & given.keys()
            assert ('"code":"NOT_FOUND"' in answers[0]) == by_name_or_id, (name, answers[0])


async def test_bulk_actions_find_nothing_by_a_foreign_id_or_by_a_filter(
    tenants: Tenants, world: World, tmp_path: Path
) -> None:
    with untouched(tmp_path / "weft.db"):
        foreign = await tenants.bob_gets(CANCEL_ALL, input={"ids": [world.waiting]})
        assert '"code":"NOT_FOUND"' in foreign
        never = await tenants.bob_gets(CANCEL_ALL, input={"ids": [UNKNOWN["ex"]]})
        assert renamed(foreign, {world.waiting: UNKNOWN["ex"]}) == never
        everything = json.loads(await tenants.bob_gets(CANCEL_ALL, input={"filter": {}, "confirm": True}))
        assert everything["data"]["cancelExecutions"]["batch"]["total"] == 0


@pytest.mark.usefixtures("world")
async def test_names_and_idempotency_keys_of_another_tenant_are_free(tenants: Tenants) -> None:
    given = {"workflow": "sums", "idempotencyKey": "once"}
    hers = (await tenants.alice.mutate(START, **given, input={"n": 1}))["execution"]["id"]
    await tenants.bob.mutate(CREATE, definition=sums())
    his = (await tenants.bob.mutate(START, **given, input={"n": 2}))["execution"]["id"]
    assert his != hers
    assert (await tenants.alice.mutate(START, **given, input={"n": 1}))["execution"]["id"] == hers
    assert (await tenants.bob.query("{ executions { nodes { id } } }"))["executions"]["nodes"] == [{"id": his}]


async def test_what_is_open_to_everybody_names_no_tenant(tenants: Tenants, world: World) -> None:
    async with httpx.AsyncClient(base_url=f"http://{tenants.address}") as http:
        assert (await http.get("/healthz")).json() == {"status": "SERVING"}
        assert (await http.get("/readyz")).json()["status"] == "SERVING"
        metrics = (await http.get("/metrics")).text
    assert "weft_graphql_operations_total" in metrics
    assert not [word for word in ("globex", "alice", "bob", *NAMES, *asdict(world).values()) if word in metrics]


async def test_strangers_are_not_told_what_the_store_says_of_itself(tenants: Tenants, api: Api) -> None:
    api.store.down = True
    async with httpx.AsyncClient(base_url=f"http://{tenants.address}") as http:
        response = await http.get("/readyz")
    assert response.status_code == 503
    assert {"name": "store", "status": "NOT_SERVING"} in response.json()["checks"]
    assert "disk" not in response.text
