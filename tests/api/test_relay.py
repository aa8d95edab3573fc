"""The rules of Relay: object identification, and connections.

What they say of the schema is asked of every type; what they say of answers, of something of every kind.
"""

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, build_schema

from graphql_api import schema as api_schema
from tests.api.client import Api
from tests.api.world import populated

SCHEMA: GraphQLSchema = build_schema(api_schema.build_schema().as_str())
CONNECTIONS = sorted(name for name in SCHEMA.type_map if name.endswith("Connection"))
NODES = sorted(
    type_.name
    for type_ in SCHEMA.get_possible_types(SCHEMA.type_map["Node"])  # type: ignore[arg-type]  # it is an interface
)


def types_of(name: str) -> dict[str, str]:
    owner = SCHEMA.type_map[name]
    assert isinstance(owner, GraphQLObjectType | GraphQLInterfaceType)
    return {field_name: str(field.type) for field_name, field in owner.fields.items()}


@pytest.mark.parametrize("name", CONNECTIONS)
def test_a_connection_has_edges_with_cursors_and_page_info(name: str) -> None:
    edge = name.removesuffix("Connection") + "Edge"
    item = types_of(edge)["node"]
    assert types_of(edge) == {"cursor": "String!", "node": item}
    fields = types_of(name)
    fields.pop("totalCount", None)
    assert fields == {"edges": f"[{edge}!]!", "nodes": f"[{item}]!", "pageInfo": "PageInfo!"}


def test_page_info_has_the_four_fields_of_the_specification() -> None:
    assert types_of("PageInfo") == {
        "hasNextPage": "Boolean!", "hasPreviousPage": "Boolean!", "startCursor": "String", "endCursor": "String",
    }  # fmt: skip


def test_whatever_gives_a_connection_is_paged_forward() -> None:
    paged = [
        (f"{owner.name}.{name}", {argument: str(given.type) for argument, given in field.args.items()})
        for owner in SCHEMA.type_map.values()
        if isinstance(owner, GraphQLObjectType)
        for name, field in owner.fields.items()
        if str(field.type).rstrip("!") in CONNECTIONS
    ]
    assert len(paged) >= len(CONNECTIONS)
    for place, arguments in paged:
        assert arguments["first"] == "Int", place
        assert arguments["after"] == ("Int" if place == "Execution.events" else "String"), place


def test_node_and_nodes_are_as_relay_asks_for_them() -> None:
    query = SCHEMA.query_type
    assert query is not None
    assert (str(query.fields["node"].type), str(query.fields["node"].args["id"].type)) == ("Node", "ID!")
    assert (str(query.fields["nodes"].type), str(query.fields["nodes"].args["ids"].type)) == ("[Node]!", "[ID!]!")
    assert types_of("Node") == {"id": "ID!"}


async def test_everything_that_is_a_node_is_found_again_by_its_id(api: Api) -> None:
    world = await populated(api)
    found = await api.data('{ workflow(name: "sums") { id latestVersion { id } } }')
    ids = {
        "Workflow": found["workflow"]["id"],
        "WorkflowVersion": found["workflow"]["latestVersion"]["id"],
        "Execution": world.ended,
        "Batch": world.batch,
        "Trigger": world.trigger,
        "TriggerDelivery": world.delivery,
    }
    assert sorted(ids) == NODES
    query = "query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { __typename id } node(id: $id) { __typename id } }"
    expected = [{"__typename": name, "id": id_} for name, id_ in ids.items()]
    for node in expected:
        answer = await api.data(query, ids=list(ids.values()), id=node["id"])
        assert answer == {"nodes": expected, "node": node}


async def test_cursors_name_nothing_that_a_client_could_read(api: Api) -> None:
    await populated(api)
    page = "{ executions { edges { cursor node { id createdAt } } } }"
    edges = (await api.data(page))["executions"]["edges"]
    assert len({edge["cursor"] for edge in edges}) == len(edges) > 1
    for edge in edges:
        assert edge["node"]["id"] not in edge["cursor"]
        assert edge["node"]["createdAt"] not in edge["cursor"]
