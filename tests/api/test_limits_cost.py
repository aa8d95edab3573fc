"""What operations cost, and what happens to those that cost too much."""

from typing import Any

import pytest
from graphql import get_introspection_query

from engine.usecases.caller import Role
from graphql_api.admission.formula import value_of
from graphql_api.admission.limits import DEFAULT_LIMITS, Limits
from graphql_api.schema import build_schema
from graphql_api.transports.documents import Documents
from tests.api.client import Api
from tests.api.conftest import Unchanged
from tests.api.roles import as_role, code, only_error
from tests.api.world import World

PAGE = "query($first: Int = 50) { executions(first: $first) { nodes { id status } } }"
CHOSEN = "query($with: Boolean!) { executions(first: 10) { nodes { id steps(first: 50) @include(if: $with) { nodes { id } } } } }"


@pytest.fixture(scope="module")
def documents() -> Documents:
    return Documents(build_schema()._schema)


def cost(documents: Documents, text: str, variables: dict[str, Any]) -> int:
    return value_of(documents.get(text, Limits()).highest_cost, variables)


CHECKS = (
    "query($d: JSON!) {" + " ".join(f"a{n}: validateWorkflow(definition: $d) {{ __typename }}" for n in range(3)) + "}"
)
CHECKS_DEFAULT = f"query($d: JSON = [{'1 ' * 30}]) {{ validateWorkflow(definition: {{a: [$d]}}) {{ __typename }} }}"
FILTERED = (
    "query($f: ExecutionFilter) {"
    "  a: executions(filter: $f, first: 1) { nodes { id } }"
    "  b: executions(filter: $f, first: 1) { nodes { id } }"
    "}"
)
NESTED = "query($f: StepRunFilter) { executions(first: 10) { nodes { steps(filter: $f, first: 1) { nodes { id } } } } }"
STARTS = "mutation($i: StartExecutionsInput!) { startExecutions(input: $i) { batch { id } } }"


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("{ __typename }", {}, 1),
        ("{ a: __typename b: __typename }", {}, 2),
        ("{ stepKinds { name } }", {}, 5 + 10 * 1),
        ("{ executions { nodes { id } } }", {}, 5 + 1 + 20 * 1),
        ("{ executions(first: 5) { nodes { id } edges { cursor node { id } } } }", {}, 5 + (1 + 5) + (1 + 5 * 3)),
        ("{ executions(first: 5) { totalCount pageInfo { hasNextPage } } }", {}, 5 + 50 + 2),
        ("{ executions(first: 10) { nodes { workflow { name } } } }", {}, 5 + 1 + 10 * (5 + 1)),
        ("{ workflows(first: 10) { nodes { executions(first: 10) { nodes { id } } } } }", {}, 6 + 10 * (6 + 10)),
        (PAGE, {}, 6 + 50 * 2),
        (PAGE, {"first": 3}, 6 + 3 * 2),
        (PAGE, {"first": 100_000}, 6 + 100 * 2),
        (PAGE, {"first": -3}, 6),
        (PAGE, {"first": "many"}, 6 + 100 * 2),
        (CHOSEN, {"with": False}, 6 + 10),
        (CHOSEN, {"with": True}, 6 + 10 * (1 + 6 + 50)),
        ("{ executions(first: 10) { nodes { id steps @skip(if: true) { nodes { id } } } } }", {}, 6 + 10),
        ("{ nodes(ids: [1, 2, 3]) { id } }", {}, 5 + 3),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 50}, 5 + 50),
        ("{ node(id: 1) { id ... on Workflow { name title } ... on Execution { lane } } }", {}, 5 + 3),
        ("{ ...F ...F } fragment F on Query { stepKinds { name } }", {}, 15),
        ('{ trigger(name: "t") { stats { received started } lastFiredAt } }', {}, 5 + 5 + 2 * 50 + 5),
        ('{ trigger(name: "t") { deliveries(first: 10) { nodes { execution { id } } } } }', {}, 5 + 6 + 10 * (5 + 1)),
        ("{ triggers(first: 10) { nodes { nextFireTimes } } }", {}, 6 + 10 * 5 * 5),
        ("query($n: Int) { triggers(first: 10) { nodes { nextFireTimes(first: $n) } } }", {"n": 50}, 6 + 10 * 5 * 50),
        (STARTS, {"i": {"items": [{}] * 100}}, 50 + 1_000 + 2 + 10),
        ('mutation { cancelExecutions(input: {ids: ["a", "b"]}) { batch { id } } }', {}, 50 + 20 + 2),
        ("mutation { cancelExecutions(input: {filter: {}}) { batch { id } } }", {}, 50 + 1_000 + 2),
        (CHECKS, {"d": [1] * 2_000}, 3 * (50 + 200)),
        (CHECKS, {"d": {"steps": [{"needs": ["a"] * 98}] * 100}}, 3 * (50 + 1_000)),
        (CHECKS, {"d": "x" * 20_000}, 3 * (50 + 100)),
        (CHECKS_DEFAULT, {}, 50 + 3),
        (FILTERED, {"f": {"status": ["RUNNING"] * 5_000}}, 2 * (6 + 500)),
        (FILTERED, {"f": {"status": ["RUNNING"]}}, 2 * 6),
        (NESTED, {"f": {"status": ["RUNNING"] * 1_000}}, 6 + 10 * (7 + 100)),
        (STARTS, {"i": {"items": [{"input": {"x": "y" * 10_000}}] * 10}}, 50 + 100 + 2 + 100),
        (get_introspection_query(), {}, 5_000),
    ],
)  # fmt: skip
def test_lists_count_by_their_size(documents: Documents, text: str, variables: dict[str, Any], expected: int) -> None:
    assert abs(cost(documents, text, variables) - expected) <= 5, cost(documents, text, variables)


def test_a_document_without_variables_has_a_number_and_no_formula(documents: Documents) -> None:
    assert isinstance(documents.get("{ executions(first: 5) { nodes { id } } }", Limits()).highest_cost, int)


def nested(first: int) -> str:
    return f"{{ workflows(first: {first}) {{ nodes {{ executions(first: 100) {{ nodes {{ id lane }} }} }} }} }}"


async def test_what_costs_too_much_for_a_role_is_refused_and_reported(api: Api) -> None:
    expensive = "{ workflows(first: 100) { nodes { executions(first: 100) { nodes { id lane labels } } } } }"
    for role, most in ((Role.VIEWER, 10_000), (Role.EDITOR, 25_000)):
        with as_role(api.runtime, role):
            answer = await api.send(expensive)
        assert code(answer) == "COST_LIMIT_EXCEEDED"
        assert answer["extensions"]["cost"]["maximum"] == most
        assert answer["extensions"]["cost"] == only_error(answer)["extensions"]["cost"]
        assert answer["extensions"]["cost"]["requested"] > 30_000
    assert "errors" not in await api.send(expensive)


async def test_responses_say_what_they_cost_and_what_is_allowed(api: Api) -> None:
    answer = await api.send(PAGE, first=7)
    assert answer["extensions"]["cost"] == {"requested": 5 + 1 + 14, "maximum": DEFAULT_LIMITS[Role.ADMIN].cost}


async def test_a_page_that_is_too_large_keeps_its_own_error(api: Api) -> None:
    assert code(await api.send(PAGE, first=101)) == "BAD_USER_INPUT"


async def test_an_expensive_mutation_changes_nothing(api: Api, world: World, unchanged: Unchanged) -> None:
    aliases = " ".join(f"a{n}: cancelExecutions(input: $i) {{ batch {{ id }} }}" for n in range(30))
    ids = [world.waiting] + [f"ex_{n}" for n in range(299)]
    with unchanged():
        answer = await api.send(f"mutation($i: BulkExecutionsInput!) {{ {aliases} }}", i={"ids": ids})
    assert code(answer) == "COST_LIMIT_EXCEEDED"


READING = [
    "{ workflows(first: 100) { nodes { id name status labels } edges { cursor node { id } } pageInfo { hasNextPage } } }",
    "{ executions(first: 100) { nodes { id workflow { name versions { nodes { number } } } steps { nodes { id stepId } } } } }",
    "{ executions(first: 100) { totalCount nodes { events(first: 100) { nodes { __typename seq at } } } } }",
    "{ stepKinds { name description } health { status checks { name } } waitingSteps { nodes { step { id } } } }",
]


@pytest.mark.parametrize("query", READING)
async def test_no_answer_has_more_values_than_the_operation_costs(api: Api, world: World, query: str) -> None:
    del world
    answer = await api.send(query)
    assert 10 < values_of(answer["data"]) <= answer["extensions"]["cost"]["requested"]


def values_of(data: object) -> int:
    """Members of objects; what a scalar of JSON holds is one value."""
    if isinstance(data, dict):
        return sum(1 if name == "labels" else 1 + values_of(each) for name, each in data.items())
    return sum(values_of(each) for each in data) if isinstance(data, list) else 0
