"""Makes what a resolver gave into what the response has, by the type of the field.

A completer gives the completed value or an awaitable of it, and raises what the field then has to answer for. It is never
given an awaitable.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Undefined,
    default_type_resolver,
    get_nullable_type,
    is_abstract_type,
    is_object_type,
)
from graphql.pyutils import inspect

from graphql_api.compiled.awaiting import is_awaitable
from graphql_api.compiled.classes import class_of, is_generic, recast, resolved_by_class
from graphql_api.compiled.field import Field
from graphql_api.compiled.info import core_info
from graphql_api.compiled.leaves import slow_way
from graphql_api.compiled.lists import Known, ListOf
from graphql_api.compiled.objects import Made
from graphql_api.compiled.paths import Path, without_indices
from graphql_api.compiled.run import Run
from graphql_api.compiled.runtime_types import runtime_type

Complete = Callable[[Run, Any, Path], Any]
"""Of a value, at its path."""


class Objects(Protocol):
    """Where the selections of objects are compiled."""

    @property
    def schema(self) -> GraphQLSchema: ...

    def fields_of(self, type_: GraphQLObjectType, field: Field) -> Made:
        """What is selected of an object of that type that the field gives: without looking at the object first."""


def completer(type_: GraphQLOutputType, field: Field, objects: Objects) -> Complete:
    if isinstance(type_, GraphQLNonNull):
        return _required(completer(type_.of_type, field, objects), field)
    if isinstance(type_, GraphQLList):
        return _list(type_.of_type, field, objects)
    if is_object_type(type_):
        return _object(type_, field, objects)
    if is_abstract_type(type_):
        return _abstract(type_, field, objects)
    assert isinstance(type_, GraphQLLeafType)
    return _leaf(type_)


def _required(inner: Complete, field: Field) -> Complete:
    def complete(run: Run, value: Any, path: Path) -> Any:
        completed = inner(run, value, path)
        if completed is None:
            field.refuse_null()
        return completed

    return complete


def _list(item: GraphQLOutputType, field: Field, objects: Objects) -> Complete:
    nullable = not isinstance(item, GraphQLNonNull)
    known, type_ = None, get_nullable_type(item)
    if is_object_type(type_) and (class_ := class_of(type_)) is not None:
        known = Known(class_, *objects.fields_of(type_, field), cast=type_.is_type_of is not None)
    return ListOf(completer(item, field, objects), field, nullable=nullable, known=known).complete


@lru_cache(500)
def _leaf(type_: GraphQLLeafType) -> Complete:
    write = slow_way(type_)

    def complete(run: Run, value: Any, path: Path) -> Any:
        del run, path
        if value is None or value is Undefined:
            return None
        if isinstance(value, Exception):
            raise value
        return write(value)

    return complete


def _object(type_: GraphQLObjectType, field: Field, objects: Objects) -> Complete:
    fields = objects.fields_of(type_, field).one
    checked = _checked(type_, fields, field)
    class_ = class_of(type_)
    whatever = type_.is_type_of is None

    def complete(run: Run, value: Any, path: Path) -> Any:
        if value.__class__ is class_ and (whatever or not recast(value)):
            return fields(run, value, path)
        if value is None or value is Undefined:
            return None
        if isinstance(value, Exception):
            raise value
        return checked(run, value, path)

    return complete


def _checked(type_: GraphQLObjectType, fields: Complete, field: Field) -> Complete:
    """Asks the type first whether the object is one of its own."""
    is_type_of = type_.is_type_of
    if is_type_of is None:
        return fields

    def refuse(value: Any) -> GraphQLError:
        return GraphQLError(f"Expected value of type '{type_}' but got: {inspect(value)}.", field.nodes)

    def complete(run: Run, value: Any, path: Path) -> Any:
        found = is_type_of(value, core_info(run, field, without_indices(path)))
        if is_awaitable(found):
            return later(run, value, path, found)
        if not found:
            raise refuse(value)
        return fields(run, value, path)

    async def later(run: Run, value: Any, path: Path, found: Any) -> Any:
        if not await found:
            raise refuse(value)
        completed = fields(run, value, path)
        return await completed if is_awaitable(completed) else completed

    return complete


def _abstract(type_: GraphQLAbstractType, field: Field, objects: Objects) -> Complete:
    """The selections of a type are compiled when its first object comes: there may be many types, and few of them in use."""
    resolve_type = type_.resolve_type or default_type_resolver
    classes = _classes(type_, objects.schema)
    by_class: dict[type[Any], Complete] = {}
    by_name: dict[str, Complete] = {}

    def complete(run: Run, value: Any, path: Path) -> Any:
        class_ = value.__class__
        if class_ in classes and not recast(value):
            fields = by_class.get(class_)
            if fields is None:
                fields = by_class[class_] = objects.fields_of(classes[class_], field).one
            return fields(run, value, path)
        if value is None or value is Undefined:
            return None
        if isinstance(value, Exception):
            raise value
        name = resolve_type(value, core_info(run, field, without_indices(path)), type_)
        if is_awaitable(name):
            return later(run, value, path, name)
        return of(name, value)(run, value, path)

    async def later(run: Run, value: Any, path: Path, name: Any) -> Any:
        completed = of(await name, value)(run, value, path)
        return await completed if is_awaitable(completed) else completed

    def of(name: Any, value: Any) -> Complete:
        found = runtime_type(objects.schema, name, type_, field, value)
        if found.name not in by_name:
            by_name[found.name] = _checked(found, objects.fields_of(found, field).one, field)
        return by_name[found.name]

    return complete


def _classes(type_: GraphQLAbstractType, schema: GraphQLSchema) -> dict[type[Any], GraphQLObjectType]:
    """Those that need not be resolved."""
    if not resolved_by_class(type_):
        return {}
    possible = [each for each in schema.get_possible_types(type_) if not is_generic(each)]
    return {class_: each for each in possible if (class_ := class_of(each)) is not None}
