"""Resolves a field and completes its value.

A resolve function never raises because of a field that may be null; of one that may not, it raises the located error.
"""

from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any

from graphql import GraphQLSchema, default_field_resolver

from graphql_api.compiled.arguments import Arguments, AsStrawberryDoes, AsTheyAre
from graphql_api.compiled.awaiting import is_awaitable
from graphql_api.compiled.completion import Complete
from graphql_api.compiled.field import Field
from graphql_api.compiled.info import LazyInfo, core_info
from graphql_api.compiled.paths import Path
from graphql_api.compiled.resolvers import Attribute, Event, Method, Way
from graphql_api.compiled.run import Run

Resolve = Callable[[Run, Any, Path], Any]
"""Of a field of a source, whose path is given: the completed value, or an awaitable of it."""
Call = Callable[[Run, Any, Path, dict[str, Any]], Any]


def resolver(way: Way, field: Field, complete: Complete, schema: GraphQLSchema) -> Resolve:
    match way:
        case Attribute(name=name):
            return _read(name, field, complete)
        case Event():
            return _given(field, complete)
        case Method(field=definition, resolver=method):
            arguments = Arguments(field, AsStrawberryDoes(field, definition, schema))
            call = _method(field, way)
            return (_later if method.is_async else _called)(call, arguments, field, complete)
    return _called(_wrapped(field), Arguments(field, AsTheyAre()), field, complete)


def completed(run: Run, value: Any, field: Field, complete: Complete, path: Path) -> Any:
    """What came out of a resolver, whatever it is. Raises what the field has to answer for."""
    if is_awaitable(value):
        return _awaited(run, value, field, complete, path)
    found = complete(run, value, path)
    return _guarded(run, found, field, path) if is_awaitable(found) else found


def _read(name: str, field: Field, complete: Complete) -> Resolve:
    key = field.key
    get = attrgetter(name)

    def resolve(run: Run, source: Any, above: Path) -> Any:
        path = (above, key)
        try:
            return completed(run, get(source), field, complete, path)
        except Exception as error:  # noqa: BLE001 # whatever it is, the field failed
            return field.fail(run, error, path)

    return resolve


def _given(field: Field, complete: Complete) -> Resolve:
    key = field.key

    def resolve(run: Run, source: Any, above: Path) -> Any:
        path = (above, key)
        try:
            return completed(run, source, field, complete, path)
        except Exception as error:  # noqa: BLE001 # whatever it is, the field failed
            return field.fail(run, error, path)

    return resolve


def _called(call: Call, arguments: Arguments, field: Field, complete: Complete) -> Resolve:
    key = field.key

    def resolve(run: Run, source: Any, above: Path) -> Any:
        path = (above, key)
        try:
            return completed(run, call(run, source, path, arguments.made(run, path)), field, complete, path)
        except Exception as error:  # noqa: BLE001 # whatever it is, the field failed
            return field.fail(run, error, path)

    return resolve


def _later(call: Call, arguments: Arguments, field: Field, complete: Complete) -> Resolve:
    """Of a coroutine function. Strawberry converts the arguments when the coroutine is under way, graphql-core coerces them
    before.
    """
    key = field.key

    def resolve(run: Run, source: Any, above: Path) -> Any:
        path = (above, key)
        given, coerced = arguments.ready(run), {}
        try:
            if given is None:
                coerced = arguments.coerced(run)
        except Exception as error:  # noqa: BLE001 # whatever it is, the field failed
            return field.fail(run, error, path)
        return going_on(run, source, path, given, coerced)

    async def going_on(run: Run, source: Any, path: Path, given: Any, coerced: dict[str, Any]) -> Any:
        try:
            if given is None:
                given = arguments.converted(coerced, run, path)
            value = await call(run, source, path, given)
            if is_awaitable(value):
                value = await value
            found = complete(run, value, path)
            return await found if is_awaitable(found) else found
        except Exception as error:  # noqa: BLE001 # whatever it is, the field failed
            return field.fail(run, error, path)

    return resolve


def _method(field: Field, way: Method) -> Call:
    """As Strawberry calls it: the source as `self`, `root` or the parent, `info` where it is asked for."""
    definition, method = way
    function: Callable[..., Any] = method.wrapped_func  # type: ignore[assignment]  # Strawberry has bound it
    takes_self = method.self_parameter is not None
    parents = [each.name for each in (method.parent_parameter, method.root_parameter) if each is not None]
    info = method.info_parameter

    def call(run: Run, source: Any, path: Path, given: dict[str, Any]) -> Any:
        named = dict(given)
        for name in parents:
            named[name] = source
        if info is not None:
            named[info.name] = LazyInfo(run, field, definition, path)
        return function(source, **named) if takes_self else function(**named)

    return call


def _wrapped(field: Field) -> Call:
    resolve = field.definition.resolve or default_field_resolver

    def call(run: Run, source: Any, path: Path, given: dict[str, Any]) -> Any:
        return resolve(source, core_info(run, field, path), **given)

    return call


async def _awaited(run: Run, value: Awaitable[Any], field: Field, complete: Complete, path: Path) -> Any:
    try:
        found = complete(run, await value, path)
        return await found if is_awaitable(found) else found
    except Exception as error:  # noqa: BLE001 # whatever it is, the field failed
        return field.fail(run, error, path)


async def _guarded(run: Run, found: Awaitable[Any], field: Field, path: Path) -> Any:
    try:
        return await found
    except Exception as error:  # noqa: BLE001 # whatever it is, the field failed
        return field.fail(run, error, path)
