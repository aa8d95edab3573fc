"""A large response is made in many turns of the event loop, so that others get theirs."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import strawberry
from graphql import parse

from graphql_api.compiled import CompiledOperation
from graphql_api.compiled.turns import AT_ONCE
from tests.compiled.comparing import Case, by_compiled, by_core, executor_of, operation_of, shown


@strawberry.type
class Leaf:
    number: int | None


@strawberry.type
class Branch:
    leaves: list[Leaf]


@strawberry.type
class Query:
    @strawberry.field
    def leaves(self, count: int) -> list[Leaf]:
        return [Leaf(number=number if number % 1000 else 2**40) for number in range(count)]

    @strawberry.field
    async def branches(self, count: int) -> list[Branch]:
        return [Branch(leaves=[Leaf(number=1)] * count) for _ in range(count)]


SCHEMA = strawberry.Schema(query=Query)._schema


def case_of(text: str) -> Case:
    return Case(schema=SCHEMA, document=parse(text), text=text, variables={}, context=lambda: None)


def execution(case: Case) -> Awaitable[Any]:
    operation = CompiledOperation(case.schema, case.document, operation_of(case.document))
    variables = executor_of(case).variable_values
    steps = operation.variant(variables)
    assert not isinstance(steps, str)
    return operation.execute(steps, None, None, variables)


async def turns_during(awaitable: Awaitable[Any]) -> int:
    """How many turns the event loop takes until it is done."""
    task = asyncio.ensure_future(awaitable)
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await task
    return turns


async def test_a_long_list_is_the_same_in_many_turns() -> None:
    case = case_of("{ leaves(count: 12000) { number } }")
    (core, _), (compiled, _) = await by_core(case), await by_compiled(case)
    assert core.errors
    assert shown(compiled) == shown(core)
    assert await turns_during(execution(case)) >= 12_000 / AT_ONCE


async def test_many_short_lists_take_turns_too() -> None:
    case = case_of("{ branches(count: 100) { leaves { number } } }")
    (core, _), (compiled, _) = await by_core(case), await by_compiled(case)
    assert shown(compiled) == shown(core)
    turns = await turns_during(execution(case))
    assert 10_000 / AT_ONCE <= turns < 2 * 10_000 / AT_ONCE + 20


async def test_a_short_list_is_made_at_once() -> None:
    assert await turns_during(execution(case_of("{ branches(count: 10) { leaves { number } } }"))) <= 3


async def test_an_execution_that_is_cancelled_leaves_nothing_waiting() -> None:
    task = asyncio.ensure_future(execution(case_of("{ leaves(count: 12000) { number } }")))
    for _ in range(4):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
