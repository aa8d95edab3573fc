"""An answer has room for so many bytes of values, however often each of them is selected."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from graphql_api.admission.admission import Admission
from graphql_api.admission.limits import DEFAULT_LIMITS
from graphql_api.compiled import program
from graphql_api.context import LOCAL_OWNER, Context
from graphql_api.metrics import Metrics
from graphql_api.transports.documents import Documents
from graphql_api.transports.operations import Operation, Operations
from graphql_api.transports.request import GraphQLRequest
from graphql_api.types.scalars import JSON, SCALARS
from tests.api.client import Api
from tests.api.definitions import sums
from tests.api.probe import NO_SERVICES

LIMIT = 100_000
VALUE = JSON({"text": "x" * 10_000})
CALLS: list[str] = []


@strawberry.type
class Thing:
    value: JSON = strawberry.field(default_factory=lambda: VALUE)
    text: str = "é" * 5_000

    @strawberry.field
    async def fresh(self) -> JSON | None:
        return JSON({"text": "x" * 10_000})


@strawberry.type
class Query:
    @strawberry.field
    async def things(self) -> list[Thing]:
        return [Thing()] * 3


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def act(self, name: str) -> Thing:
        CALLS.append(name)
        return Thing()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def events(self) -> AsyncIterator[Thing]:
        for _ in range(3):
            yield Thing()


@pytest.fixture(params=["compiled", "left to graphql-core"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "compiled":
        monkeypatch.setattr(program, "MOST_FIELDS", -1)
    return str(request.param)


def operation(query: str) -> Operation:
    config = StrawberryConfig(scalar_map=SCALARS)
    schema = strawberry.Schema(Query, Mutation, Subscription, config=config)._schema
    every = {role: replace(each, response_bytes=LIMIT) for role, each in DEFAULT_LIMITS.items()}
    operations = Operations(Admission(Documents(schema), every), Metrics(NO_SERVICES))
    context = Context(services=NO_SERVICES, caller=LOCAL_OWNER)
    return operations.prepare(GraphQLRequest(query=query), context)


def selected(field: str, times: int) -> str:
    return " ".join(f"a{number}: {field}" for number in range(times))


@pytest.mark.parametrize("field", ["value", "text", "fresh"])
async def test_what_is_selected_under_many_names_counts_as_often(field: str) -> None:
    """Three things, of which each value has ten thousand bytes and some."""
    answer = await operation(f"{{ things {{ {selected(field, 3)} }} }}").run()
    assert "errors" not in answer
    assert answer["data"]["things"][2]["a2"] is not None

    answer = await operation(f"{{ things {{ {selected(field, 4)} }} }}").run()
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "PAYLOAD_TOO_LARGE"
    assert "100,000 bytes" in error["message"]
    assert "smaller pages or fewer fields" in error["message"]


async def test_each_event_of_a_subscription_has_the_room_of_an_answer() -> None:
    fitting = [each async for each in operation(f"subscription {{ events {{ {selected('value', 9)} }} }}").stream()]
    assert [each.keys() for each in fitting] == [{"data"}] * 3

    large = [each async for each in operation(f"subscription {{ events {{ {selected('value', 11)} }} }}").stream()]
    codes = [each["errors"][0]["extensions"]["code"] for each in large]
    assert codes == ["PAYLOAD_TOO_LARGE"] * 3
    assert [each["data"] for each in large] == [None] * 3


async def test_a_mutation_without_room_for_its_answer_says_that_it_may_have_been_carried_out(way: str) -> None:
    CALLS.clear()
    first = f'first: act(name: "first") {{ {selected("value", 11)} }}'
    answer = await operation(f'mutation {{ {first} second: act(name: "second") {{ text }} }}').run()
    (error,) = answer["errors"]
    assert error["message"].endswith("the mutation may have been carried out")
    assert len(CALLS) == (1 if way == "compiled" else 2)


async def test_values_that_the_answer_has_no_room_for_are_not_read(api: Api) -> None:
    """Of a hundred megabytes what there is room for, and what an execution is read for besides."""
    await api.create({**sums(), "input": {"type": "object"}, "output": 1})
    execution_id = await api.start("sums", input={"n": 1, "text": "x" * 1_000_000})
    query = f"query($id: ID!) {{ execution(id: $id) {{ {selected('input', 99)} }} }}"
    api.store.calls.clear()
    answer = await api.send(query, id=execution_id)
    assert answer["data"] is None
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["PAYLOAD_TOO_LARGE"]
    assert api.store.calls.total() < 40
