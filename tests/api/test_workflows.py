"""Workflows and their versions."""

import pytest

from tests.api.client import Api
from tests.api.definitions import asks, sums

WORKFLOW = """
    id name title status labels createdAt updatedAt
    latestVersion { id number checksum createdBy inputSchema definition mermaid steps { id kind needs when timeout with } }
    activeVersion { number }
"""


async def test_a_new_workflow_is_active_with_its_first_version(api: Api) -> None:
    payload = await api.mutate(
        "createWorkflow", {"definition": sums(), "labels": {"team": "a"}}, f"workflow {{ {WORKFLOW} }}"
    )
    workflow = payload["workflow"]
    assert payload["errors"] == []
    assert (workflow["name"], workflow["status"], workflow["labels"]) == ("sums", "ACTIVE", {"team": "a"})
    assert workflow["activeVersion"] == {"number": 1}
    version = workflow["latestVersion"]
    assert version["createdBy"] == "local"
    assert version["inputSchema"]["required"] == ["n"]
    assert version["steps"][0] | {"with": None} == {
        "id": "add",
        "kind": "transform",
        "needs": [],
        "when": None,
        "timeout": None,
        "with": None,
    }
    assert "s_add" in version["mermaid"]


async def test_yaml_is_taken_as_well(api: Api) -> None:
    assert (await api.create("name: y\nsteps:\n  - id: a\n    kind: transform\n    with: {value: 1}\n"))["name"] == "y"


async def test_a_draft_has_no_active_version(api: Api) -> None:
    payload = await api.mutate(
        "createWorkflow", {"definition": sums(), "activate": False}, "workflow { status activeVersion { number } }"
    )
    assert payload["workflow"] == {"status": "DRAFT", "activeVersion": None}
    refusal = await api.mutate("startExecution", {"workflow": "sums", "input": {"n": 1}}, "execution { id }")
    assert refusal["errors"][0]["code"] == "INVALID_STATE"


async def test_every_problem_of_a_definition_is_told_with_its_path(api: Api) -> None:
    definition = {
        "name": "Not a name",
        "steps": [{"id": "a", "kind": "nothing"}, {"id": "b", "kind": "fail", "needs": ["z"]}],
    }
    payload = await api.mutate("createWorkflow", {"definition": definition}, "workflow { id }")
    assert payload["workflow"] is None
    errors = payload["errors"]
    assert {error["__typename"] for error in errors} == {"ValidationError"}
    paths = {tuple(error["path"]) for error in errors}
    assert ("definition", "name") in paths
    assert ("definition", "steps", "0", "kind") in paths
    assert any(path[:4] == ("definition", "steps", "1", "needs") for path in paths)
    assert (await api.data("{ workflows { totalCount } }"))["workflows"]["totalCount"] == 0


@pytest.mark.parametrize("definition", [1, None, True, [], ["x"], "", "- a", "{"])
async def test_what_is_no_definition_is_refused(api: Api, definition: object) -> None:
    answer = await api.send(
        "query($d: JSON!) { validateWorkflow(definition: $d) { valid problems { path } } }", d=definition
    )
    if definition is None:
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    else:
        assert answer["data"]["validateWorkflow"]["valid"] is False


async def test_a_valid_definition_can_be_tried_without_saving_it(api: Api) -> None:
    report = await api.data(
        "query($d: JSON!) { validateWorkflow(definition: $d) { valid problems { message } } }", d=sums()
    )
    assert report["validateWorkflow"] == {"valid": True, "problems": []}
    assert (await api.data('{ workflow(name: "sums") { id } }'))["workflow"] is None


async def test_a_name_that_is_taken_leads_to_its_owner(api: Api) -> None:
    first = await api.create(sums())
    (error,) = (await api.mutate("createWorkflow", {"definition": sums()}, "workflow { id }"))["errors"]
    assert (error["__typename"], error["code"], error["existingId"]) == ("ConflictError", "ALREADY_EXISTS", first["id"])
    assert error["path"] == ["definition", "name"]


async def test_an_update_of_another_version_than_expected_is_refused_with_the_current_one(api: Api) -> None:
    await api.create(sums())
    changed = sums() | {"title": "Sums"}
    given = {"name": "sums", "definition": changed, "expectedVersion": 1}
    assert (await api.mutate("updateWorkflow", given, "workflow { title }"))["workflow"] == {"title": "Sums"}
    (error,) = (await api.mutate("updateWorkflow", given | {"definition": sums()}, "workflow { id }"))["errors"]
    assert (error["code"], error["currentRevision"], error["path"]) == ("CONFLICT", 2, ["expectedVersion"])


async def test_versions_are_listed_newest_first_and_found_by_number(api: Api) -> None:
    await api.create(sums())
    await api.mutate("updateWorkflow", {"name": "sums", "definition": sums() | {"title": "2"}, "activate": False})
    workflow = (
        await api.data(
            """{ workflow(name: "sums") {
                activeVersion { number } one: version(number: 1) { number } none: version(number: 9) { number }
                versions(first: 1) { totalCount nodes { id number } pageInfo { hasNextPage } }
            } }"""
        )
    )["workflow"]
    assert workflow["activeVersion"] == workflow["one"] == {"number": 1}
    assert workflow["none"] is None
    assert workflow["versions"]["totalCount"] == 2
    assert workflow["versions"]["nodes"][0]["number"] == 2
    assert workflow["versions"]["pageInfo"] == {"hasNextPage": True}
    node = await api.data(
        "query($id: ID!) { node(id: $id) { id ... on WorkflowVersion { number } } }",
        id=workflow["versions"]["nodes"][0]["id"],
    )
    assert node["node"] == workflow["versions"]["nodes"][0]


async def test_a_version_is_activated_an_archived_workflow_starts_nothing_and_a_deleted_one_is_gone(api: Api) -> None:
    made = await api.create(sums())
    await api.mutate("updateWorkflow", {"name": "sums", "definition": sums() | {"title": "2"}})
    payload = await api.mutate(
        "activateWorkflow", {"name": "sums", "version": 1}, "workflow { activeVersion { number } }"
    )
    assert payload["workflow"] == {"activeVersion": {"number": 1}}
    assert (await api.mutate("archiveWorkflow", {"name": "sums"}, "workflow { status }"))["workflow"][
        "status"
    ] == "ARCHIVED"
    refusal = await api.mutate("startExecution", {"workflow": "sums", "input": {"n": 1}}, "execution { id }")
    assert refusal["errors"][0]["code"] == "INVALID_STATE"
    assert await api.mutate("deleteWorkflow", {"name": "sums"}, "deletedId") == {"deletedId": made["id"], "errors": []}
    assert (await api.data('{ workflow(name: "sums") { id } }'))["workflow"] is None


async def test_a_workflow_with_live_executions_is_not_deleted(api: Api) -> None:
    await api.create(asks())
    await api.start("asks")
    payload = await api.mutate("deleteWorkflow", {"name": "asks"}, "deletedId")
    assert (payload["deletedId"], payload["errors"][0]["code"]) == (None, "INVALID_STATE")


async def test_workflows_are_found_by_name_status_and_label(api: Api) -> None:
    await api.create(sums("red-apple"), labels={"kind": "fruit"})
    await api.create(sums("red-brick"), activate=False)
    query = "query($f: WorkflowFilter) { workflows(filter: $f) { totalCount nodes { name } } }"
    for given, names in (
        ({"nameContains": "apple"}, {"red-apple"}),
        ({"status": ["DRAFT"]}, {"red-brick"}),
        ({"status": []}, set()),
        ({"label": {"key": "kind", "value": "fruit"}}, {"red-apple"}),
        (None, {"red-apple", "red-brick"}),
    ):
        found = (await api.data(query, f=given))["workflows"]
        assert {node["name"] for node in found["nodes"]} == names
        assert found["totalCount"] == len(names)


async def test_a_workflow_lists_its_own_executions_alone(api: Api) -> None:
    for name in ("a", "b"):
        await api.create(sums(name))
        await api.start(name, input={"n": 1})
    query = (
        'query($f: ExecutionFilter) { workflow(name: "a") { executions(filter: $f) { nodes { workflow { name } } } } }'
    )
    found = (await api.data(query))["workflow"]["executions"]["nodes"]
    assert found == [{"workflow": {"name": "a"}}]
    error = await api.error(query, f={"workflow": "b"})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_every_kind_of_step_is_listed_with_its_schema(api: Api) -> None:
    kinds = (await api.data("{ stepKinds { name description withSchema } }"))["stepKinds"]
    assert {"transform", "approval", "llm"} <= {kind["name"] for kind in kinds}
    assert all(kind["description"] and kind["withSchema"]["type"] == "object" for kind in kinds)


@pytest.mark.parametrize(
    ("labels", "path"),
    [({"a": 1}, ["labels", "a"]), ([], ["labels"]), ("x", ["labels"]), ({"a": "\0"}, ["labels", "a"])],
)
async def test_labels_are_an_object_of_texts(api: Api, labels: object, path: list[str]) -> None:
    payload = await api.mutate("createWorkflow", {"definition": sums(), "labels": labels}, "workflow { id }")
    assert (payload["errors"][0]["code"], payload["errors"][0]["path"]) == ("VALIDATION_FAILED", path)
