"""Lists of what a filter may find."""

import pytest

from tests.api.client import Api
from tests.api.definitions import sums

WITH_STATUS = "query($s: [ExecutionStatus!]) { executions(filter: {status: $s}) { nodes { id } totalCount } }"
FILTERS = {
    WITH_STATUS: ("RUNNING", "status"),
    "query($s: [WorkflowStatus!]) { workflows(filter: {status: $s}) { nodes { id } } }": ("DRAFT", "status"),
    "query($s: [StepStatus!], $id: ID!) { execution(id: $id) { steps(filter: {status: $s}) { nodes { id } } } }": (
        "RUNNING",
        "status",
    ),
    "query($s: [String!], $id: ID!) { execution(id: $id) { steps(filter: {kind: $s}) { nodes { id } } } }": (
        "llm",
        "kind",
    ),
}


@pytest.mark.parametrize("query", FILTERS)
async def test_more_choices_than_there_are_things_to_choose_from_are_refused(api: Api, query: str) -> None:
    await api.create(sums())
    given = {"id": await api.start("sums", input={"n": 1})} if "$id" in query else {}
    choice, field = FILTERS[query]
    assert "errors" not in await api.send(query, s=[choice] * 100, **given)
    error = await api.error(query, s=[choice] * 101, **given)
    assert error["message"] == f"At most 100 of {field}, not 101"
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argumentPath": ["filter", field]}


async def test_what_is_chosen_twice_is_found_once(api: Api) -> None:
    await api.create(sums())
    execution_id = await api.start("sums", input={"n": 1})
    await api.ended(execution_id)
    found = await api.data(WITH_STATUS, s=["SUCCEEDED", "SUCCEEDED"])
    assert found == {"executions": {"nodes": [{"id": execution_id}], "totalCount": 1}}


async def test_lists_beyond_all_measure_cost_more_than_an_operation_may(api: Api) -> None:
    query = "query($s: [ExecutionStatus!]) {" + " ".join(
        f"a{n}: executions(filter: {{status: $s}}, first: 1) {{ nodes {{ id }} }}" for n in range(20)
    )
    error = await api.error(query + "}", s=["RUNNING"] * 100_000)
    assert error["extensions"]["code"] == "COST_LIMIT_EXCEEDED"
    assert error["extensions"]["cost"]["requested"] > 20 * 10_000
