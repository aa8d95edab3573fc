"""Executes an operation by graphql-core and by what is compiled of it, and compares every byte."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution import Executor

from graphql_api.compiled import CompiledOperation, Reason, Unsupported
from graphql_api.transports.json_text import write_json


@dataclass(frozen=True, kw_only=True)
class Case:
    """`context` and `root` make fresh ones for each execution; `seen` is what is to be alike of a context afterwards."""

    schema: GraphQLSchema
    document: DocumentNode
    text: str
    variables: dict[str, Any]
    context: Callable[[], Any]
    root: Callable[[], Any] = lambda: None
    seen: Callable[[Any], object] = lambda _: None


async def by_core(case: Case) -> tuple[ExecutionResult, object]:
    executor = executor_of(case)
    outcome = executor.execute_operation()
    result = await outcome if isawaitable(outcome) else outcome
    assert isinstance(result, ExecutionResult)
    return result, case.seen(executor.context_value)


async def by_compiled(case: Case) -> tuple[ExecutionResult, object]:
    """Raises `Unsupported`. Twice, since the second execution finds what the first has left."""
    operation = CompiledOperation(case.schema, case.document, operation_of(case.document))
    first, _ = await _once(case, operation)
    second, seen = await _once(case, operation)
    assert shown(first) == shown(second)
    return second, seen


async def _once(case: Case, operation: CompiledOperation) -> tuple[ExecutionResult, object]:
    variables, context = executor_of(case).variable_values, case.context()
    steps = operation.variant(variables)
    if isinstance(steps, Reason):
        raise Unsupported(steps)
    return await operation.execute(steps, case.root(), context, variables), case.seen(context)


async def assert_alike(case: Case) -> ExecutionResult | None:
    """None where the operation cannot be compiled, or its variables do not fit."""
    if isinstance(_build(case), list):
        return None
    core, seen_by_core = await by_core(case)
    try:
        compiled, seen = await by_compiled(case)
    except Unsupported:
        return None
    assert shown(compiled) == shown(core)
    assert seen == seen_by_core
    return core


def executor_of(case: Case) -> Executor[Any]:
    built = _build(case)
    assert isinstance(built, Executor), built
    return built


def shown(result: ExecutionResult) -> str:
    """The data as it goes to the client, and the errors with what they come from, which decides how they are shown."""
    try:
        data = write_json({"data": result.data}).decode()
    except TypeError:  # a scalar that lets everything through has met what is not JSON
        data = repr(result.data)
    return data + "\n" + json.dumps(list(map(_error, result.errors or ())), indent=1)


def operation_of(document: DocumentNode) -> OperationDefinitionNode:
    return next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))


def _build(case: Case) -> Executor[Any] | list[GraphQLError]:
    return Executor.build(
        case.schema,
        case.document,
        case.root(),
        case.context(),
        raw_variable_values=case.variables,
        max_coercion_errors=20,
    )


def _error(error: GraphQLError) -> list[Any]:
    original = error.original_error
    return [error.formatted, type(original).__name__, str(original)]
