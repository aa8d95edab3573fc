"""Random operations over a schema with every construct: graphql-core and what is compiled give the same bytes."""

import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationType, parse, validate
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.compiled.comparing import Case, assert_alike
from tests.compiled.generator import Generator
from tests.compiled.synthetic import Context, query_root, synthetic_schema
from tests.compiled.unawaited import MAY_BE_UNAWAITED, all_gone  # noqa: F401 # a fixture

EXAMPLES = int(os.environ.get("WEFT_TEST_OPERATIONS", "300"))
VALUES: dict[str, Callable[[Random], Any]] = {
    "Int": lambda random: random.choice((0, 1, 2, 5, 7)),
    "Float": lambda random: random.choice((0, 1.5)),
    "String": lambda random: random.choice(("", "x", "z")),
    "ID": lambda random: random.choice(("1", 2)),
    "Boolean": lambda random: random.random() < 0.5,
    "DateTime": lambda _: "2026-01-31T09:30:00Z",
    "JSON": lambda random: random.choice(([], [1], {"a": [None]}, 1, "x")),
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return synthetic_schema()


def case_of(schema: GraphQLSchema, seed: int) -> Case | None:
    """None for what is not valid. A third of the cases has no data that is wrong, and a third has much."""
    random = Random(seed)
    kind = OperationType.MUTATION if seed % 10 == 0 else OperationType.QUERY
    generated = Generator(schema=schema, random=random, values=VALUES).operation(kind)
    document = parse(generated.text)
    if validate(schema, document):
        return None
    wrong = (0, 0.03, 0.15)[seed % 3]
    return Case(
        schema=schema,
        document=document,
        text=generated.text,
        variables=generated.variables,
        context=Context,
        root=(lambda: None) if kind is OperationType.MUTATION else (lambda: query_root(seed, wrong=wrong)),
        seen=lambda context: repr((context.changes, context.batches)),
    )


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
async def test_both_give_the_same(schema: GraphQLSchema, seed: int) -> None:
    case = case_of(schema, seed)
    if case is not None:
        note(f"{case.text}\n{case.variables}")
        await assert_alike(case)
