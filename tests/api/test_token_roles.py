"""What a role allows. Nothing needs an admin yet; a viewer reads and watches, and changes nothing."""

from collections.abc import Iterator

import pytest

from engine.domain.ids import TenantId
from engine.usecases.caller import Caller, Role
from graphql_api.context import LOCAL_OWNER
from tests.api.client import Api
from tests.api.conftest import Unchanged
from tests.api.test_bad_input_texts import MUTATIONS
from tests.api.world import World, full_inputs


@pytest.fixture
def viewer(api: Api, world: World) -> Iterator[None]:
    """Of the tenant of that world."""
    del world
    api.runtime.caller = Caller(tenant=TenantId("local"), principal="auditor", role=Role.VIEWER)
    yield
    api.runtime.caller = LOCAL_OWNER


@pytest.mark.usefixtures("viewer")
async def test_no_mutation_does_anything_for_a_viewer(api: Api, world: World, unchanged: Unchanged) -> None:
    inputs = full_inputs(world)
    assert sorted(inputs) == MUTATIONS, "every mutation of the schema is tried"
    with unchanged():
        for name, given in inputs.items():
            payload = await api.mutate(name, given)
            error = {"__typename": "GenericError", "code": "PERMISSION_DENIED", "path": None}
            assert payload["errors"] == [error | {"message": "auditor may look, but not change anything"}], name


@pytest.mark.usefixtures("viewer")
async def test_a_viewer_learns_nothing_from_what_is_refused(api: Api) -> None:
    for execution_id in ("ex_unknown", "", "no id"):
        payload = await api.mutate("cancelExecution", {"id": execution_id})
        assert [error["code"] for error in payload["errors"]] == ["PERMISSION_DENIED"]


@pytest.mark.usefixtures("viewer")
async def test_a_viewer_reads_and_watches(api: Api, world: World) -> None:
    query = "query($id: ID!) { execution(id: $id) { status } executions { totalCount } workflows { totalCount } }"
    data = await api.data(query, id=world.ended)
    assert data["execution"] == {"status": "SUCCEEDED"}
    assert data["executions"]["totalCount"] > 0
    await api.until(world.ended, "ExecutionSucceeded")


@pytest.mark.parametrize("role", [Role.ADMIN, Role.EDITOR])
async def test_an_editor_and_an_admin_may_do_the_same(api: Api, role: Role) -> None:
    api.runtime.caller = Caller(tenant=TenantId("acme"), principal="writer", role=role)
    definition = {"name": "own", "steps": [{"id": "a", "kind": "transform", "with": {"value": 1}}]}
    await api.create(definition)
    await api.start("own")
