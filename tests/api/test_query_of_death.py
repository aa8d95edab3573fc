"""The most that a request may ask for stops nobody else: work is counted, in calls and in turns of the event loop."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
import strawberry
from graphql import get_introspection_query

from engine.usecases.caller import Role
from graphql_api.admission.admission import Admission
from graphql_api.admission.limits import DEFAULT_LIMITS, Limits
from graphql_api.context import LOCAL_OWNER, Context
from graphql_api.metrics import Metrics
from graphql_api.schema import build_schema
from graphql_api.transports.documents import Documents
from graphql_api.transports.operations import Operations
from graphql_api.transports.refusal import RequestRefused
from graphql_api.transports.request import GraphQLRequest
from tests.api.probe import NO_SERVICES

MOST_CALLS = 400_000
"""Of Python functions, for a document that is new: some 0.1 s. The usual introspection query takes 16,000."""

WORST = {
    "introspection": get_introspection_query(),
    "aliases": "{ workflows { nodes {" + " ".join(f"a{n}: id" for n in range(100)) + "} } }",
    "members": "{ validateWorkflow(definition: {" + " ".join(f"a{n}: 1" for n in range(1_600)) + "}) { valid } }",
    "items": "{ validateWorkflow(definition: [" + "1 " * 4_900 + "]) { valid } }",
    "fragments": "{" + " ".join(f"...F{n}" for n in range(60)) + "}"
    + " ".join(f"fragment F{n} on Query {{ workflows {{ nodes {{ id }} }} }}" for n in range(60)),
    "fragments that nobody spreads": "{ __typename }"
    + " ".join(f"fragment F{n} on Query {{ workflows {{ nodes {{ id }} }} }}" for n in range(300)),
    "operations": " ".join(f"query A{n}($v: Int = 1) {{ workflows(first: $v) {{ nodes {{ ...F }} }} }}" for n in range(50))
    + "fragment F on Workflow {" + " ".join(f"a{n}: executions(first: $v) {{ nodes {{ id }} }}" for n in range(30)) + "}",
    "types": "{" + 'node(id: "x") { ... on Workflow { id name } ... on Execution { id lane } } ' * 45 + "}",
    "repeated fields": "{" + "__typename " * 140 + "}",
    "repeated lists": "{ workflows { nodes {" + "executions { nodes { id status } } " * 80 + "} } }",
    "unknown variables": "{ workflows { nodes {"
    + " ".join(f"a{n}: executions(first: $v{n}) {{ nodes {{ id }} }}" for n in range(90)) + "} } }",
    "unknown fields": "{" + " ".join(f"field{n}" for n in range(4_900)) + "}",
    "long names": "{ " + "a" * 90_000 + " }",
    "nesting": "{ workflows { nodes {" + "... {" * 800 + "id" + "}" * 800 + "} } }",
    "a long text": '{ workflow(name: "' + "\\n" * 40_000 + '") { id } }',
    "a block text": '{ workflow(name: """' + "\n " * 40_000 + '""") { id } }',
    "comments": "{ __typename }" + "#\n" * 40_000,
}  # fmt: skip

REFUSED = {
    "unknown members": "mutation { startExecution(input: {" + " ".join(f"k{n}: 1" for n in range(620)) + "}) { execution { id } } }",
    "unused variables": "query(" + " ".join(f"$v{n}: Int" for n in range(490)) + ") { __typename }",
    "spread fragments": "{ executions { nodes {" + " ".join(f"...F{n}" for n in range(130)) + "} } }"
    + " ".join(f"fragment F{n} on Execution {{ q{n} }}" for n in range(130)),
    "few spread fragments": "{ executions { nodes {" + " ".join(f"...F{n}" for n in range(50)) + "} } }"
    + " ".join(f"fragment F{n} on Execution {{ q{n} }}" for n in range(50)),
    "compared literals": "{" + ("validateWorkflow(definition: {" + " ".join(f"a{n}: 1" for n in range(30)) + "}) { valid } ") * 19 + "no }",
    "compared texts": "{" + ('validateWorkflow(definition: "' + "\\n" * 2_500 + '") { valid } ') * 19 + "no }",
    "texts for choices": "{ executions(filter: {status: [" + '"x" ' * 1_900 + "]}) { nodes { id } } }",
    "arguments of directives": "{" + "__typename @skip(if: {" + " ".join(f"a{n}: 1" for n in range(500)) + "}) }",
}  # fmt: skip


@pytest.mark.parametrize("name", WORST)
def test_the_work_before_execution_is_bounded_for_whatever_is_sent(name: str) -> None:
    documents = Documents(build_schema()._schema)
    documents.get("{ __typename }", Limits())
    assert calls(lambda: documents.get(WORST[name], Limits())) < MOST_CALLS


VIEWER_CALLS = 130_000
"""Some 30 ms, a third of which is parsing."""


@pytest.mark.parametrize("name", [*WORST, *REFUSED])
def test_the_work_for_a_viewer_is_bounded_much_lower(name: str) -> None:
    documents = Documents(build_schema()._schema)
    viewer = DEFAULT_LIMITS[Role.VIEWER]
    documents.get("{ __typename }", viewer)
    assert calls(lambda: documents.get((WORST | REFUSED)[name], viewer)) < VIEWER_CALLS


def calls(act: Callable[[], object]) -> int:
    """How many Python functions are called."""
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        del frame, argument
        count += event == "call"

    sys.setprofile(profile)
    try:
        act()
    except RequestRefused:
        pass
    finally:
        sys.setprofile(None)
    return count


class Turns:
    """Counts the turns of the event loop, and what happens in each."""

    def __init__(self) -> None:
        self.now = 0
        self.happened: Counter[int] = Counter()

    async def count(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.now += 1


TURNS = Turns()


@strawberry.type
class Item:
    number: int

    @strawberry.field
    async def inner(self, first: int = 20) -> "list[Item]":
        return items(first)

    @strawberry.field
    def seen(self) -> int:
        TURNS.happened[TURNS.now] += 1
        return self.number


@strawberry.type
class Query:
    @strawberry.field
    async def items(self, first: int = 20) -> list[Item]:
        return items(first)

    @strawberry.field
    async def never(self) -> int | None:
        TURNS.happened.clear()
        try:
            await asyncio.Event().wait()
        finally:
            TURNS.happened[0] = 1
        return 1


def items(first: int) -> list[Item]:
    return [Item(number=number) for number in range(first)]


def operations(**limits: Any) -> Operations:
    schema = strawberry.Schema(Query)._schema
    every = {role: replace(each, **limits) for role, each in DEFAULT_LIMITS.items()}
    return Operations(Admission(Documents(schema), every), Metrics(NO_SERVICES))


async def run(given: Operations, query: str) -> dict[str, Any]:
    context = Context(services=NO_SERVICES, caller=LOCAL_OWNER)
    return await given.prepare(GraphQLRequest(query=query), context).run()


HEAVY = "{ items(first: 100) { seen inner(first: 100) { seen number } } }"


async def test_a_small_request_is_answered_while_the_largest_one_runs() -> None:
    given = operations()
    ended: list[str] = []

    async def ask(query: str, name: str) -> None:
        assert "errors" not in await run(given, query)
        ended.append(name)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ask(HEAVY, "heavy"))
        await asyncio.sleep(0)
        tasks.create_task(ask("{ items(first: 1) { seen } }", "small"))
    assert ended == ["small", "heavy"]


async def test_no_turn_of_the_loop_is_spent_on_one_request_alone() -> None:
    TURNS.happened.clear()
    counting = asyncio.create_task(TURNS.count())
    await run(operations(), HEAVY)
    counting.cancel()
    assert TURNS.happened.total() == 100 + 100 * 100
    assert max(TURNS.happened.values()) <= 1_000


async def test_a_request_that_takes_too_long_is_stopped_and_told() -> None:
    answer = await run(operations(seconds=0.01), "{ never }")
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "TIMEOUT"
    assert TURNS.happened == {0: 1}, "nothing of it goes on"
