"""Random queries over the real schema and a real store: graphql-core and what is compiled give the same bytes."""

import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, parse, validate
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from graphql_api.compiled.resolvers import Wrapped, way_of
from graphql_api.context import Context
from graphql_api.schema import build_schema
from tests.api.client import Api
from tests.api.definitions import sums
from tests.api.world import World
from tests.compiled.comparing import Case, assert_alike
from tests.compiled.generator import Generator
from tests.compiled.unawaited import MAY_BE_UNAWAITED, all_gone  # noqa: F401 # a fixture

EXAMPLES = int(os.environ.get("WEFT_TEST_OPERATIONS", "100"))
CHANGES_BY_ITSELF = frozenset({"Health.uptime"})


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema()._schema


def values_of(world: World, workflow_id: str) -> dict[str, Callable[[Random], Any]]:
    ids = [world.ended, world.failed, world.waiting, world.paused, world.batch, workflow_id, "ex_none", "x\x00"]
    names = ["sums", "asks", "fails", "draft", "archived", "none", ""]
    return {
        "Int": lambda random: random.choice((0, 1, 2, 3, 50, 100, 101, -1)),
        "String": lambda random: random.choice(
            (*names, "emit", "after", "a", "team", world.ended, "WyJleGVjdXRpb25zIl0")
        ),
        "ID": lambda random: random.choice(ids),
        "Boolean": lambda random: random.random() < 0.5,
        "DateTime": lambda random: random.choice(("2026-01-31T09:30:00Z", "2100-01-01T00:00:00+02:00", "tomorrow")),
        "JSON": lambda random: random.choice((sums(), {}, [], "steps: 1", None, 5)),
        "Query.execution.id": lambda random: random.choice(ids[:4]),
        "Query.workflow.name": lambda random: random.choice(names[:5]),
    }


@MAY_BE_UNAWAITED
@pytest.mark.usefixtures("all_gone")
@pytest.mark.timeout(max(120, EXAMPLES))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
@given(seed=st.integers(0, 2**40))
async def test_both_give_the_same(schema: GraphQLSchema, api: Api, world: World, seed: int) -> None:
    workflow = (await api.data('{ workflow(name: "sums") { id } }'))["workflow"]["id"]
    generated = Generator(
        schema=schema, random=Random(seed), values=values_of(world, workflow), left_out=CHANGES_BY_ITSELF
    ).operation()
    document = parse(generated.text)
    if validate(schema, document):
        return
    note(f"{generated.text}\n{generated.variables}")
    runtime = api.runtime
    await assert_alike(
        Case(
            schema=schema,
            document=document,
            text=generated.text,
            variables=generated.variables,
            context=lambda: Context(services=runtime.services, caller=runtime.caller),
        )
    )


def test_every_resolver_of_ours_is_called_without_a_wrapper(schema: GraphQLSchema) -> None:
    """Otherwise Strawberry has changed how it wraps them, and lists have become slow."""
    wrapped = [
        f"{type_.name}.{name}"
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
        for name, definition in type_.fields.items()
        if isinstance(way_of(definition, schema), Wrapped)
    ]
    assert wrapped == []
