"""Is a schema sound? By its meta-schema, and in what the meta-schema does not see: references and patterns."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no py.typed marker
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from engine.domain.errors import Path, Problem
from engine.domain.json_values import json_problems
from engine.domain.schemas.patterns import UnsupportedPattern, compiled
from engine.domain.schemas.stripping import DATA
from engine.domain.schemas.validating import validate

if TYPE_CHECKING:
    from referencing import Resource

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAMED = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas", "dependentRequired"})
"""Their members are named by the author."""


def check_schema(schema: Any) -> list[Problem]:
    """What is wrong with a JSON Schema 2020-12; paths lead into it. References may only lead to the schema itself."""
    if not isinstance(schema, dict | bool):
        return [Problem(message="a JSON Schema is an object, true or false")]
    if unfit := json_problems(schema):
        return unfit
    return list(_checked(msgspec.json.encode(schema)))


@lru_cache(maxsize=512)
def _checked(encoded: bytes) -> tuple[Problem, ...]:
    schema = msgspec.json.decode(encoded)
    if problems := tuple(validate(schema, Draft202012Validator.META_SCHEMA)):
        return problems
    return (*_other_dialects(schema), *_bad_patterns(schema), *_unresolvable(schema))


def _other_dialects(schema: Any) -> Iterator[Problem]:
    for path, value in _members(schema, "$schema"):
        if isinstance(value, str) and value.rstrip("#") != _DIALECT:
            yield Problem(message=f"only JSON Schema 2020-12 is supported, that is {_DIALECT}", path=path)


def _bad_patterns(schema: Any) -> Iterator[Problem]:
    patterns = list(_members(schema, "pattern"))
    for path, value in _members(schema, "patternProperties"):
        if isinstance(value, dict):
            patterns += [((*path, pattern), pattern) for pattern in value]
    for path, pattern in patterns:
        if isinstance(pattern, str):
            try:
                compiled(pattern)
            except UnsupportedPattern as error:
                yield Problem(message=str(error), path=path)


def _unresolvable(schema: Any) -> Iterator[Problem]:
    missing = set(_missing_references(schema))
    for keyword in ("$ref", "$dynamicRef"):
        for path, reference in _members(schema, keyword):
            if isinstance(reference, str) and reference in missing:
                yield Problem(
                    message=f"{reference!r} is not in this schema; nothing is fetched from elsewhere", path=path
                )


def _missing_references(schema: Any) -> Iterator[str]:
    resource = DRAFT202012.create_resource(schema)
    resolver = REGISTRY.resolver_with_root(resource)
    pending: list[tuple[Resource[Any], Any]] = [(resource, resolver)]
    while pending:
        resource, resolver = pending.pop()
        contents = resource.contents
        for keyword in ("$ref", "$dynamicRef"):
            reference = contents.get(keyword) if isinstance(contents, dict) else None
            if isinstance(reference, str):
                try:
                    resolver.lookup(reference)
                except Unresolvable:
                    yield reference
        pending += [(inner, resolver.in_subresource(inner)) for inner in resource.subresources()]


def _members(schema: Any, keyword: str) -> Iterator[tuple[Path, Any]]:
    """Every member of that name in the schema, but not in `properties` of that name, nor in values that are data."""
    pending: list[tuple[Path, Any, bool]] = [((), schema, False)]
    while pending:
        path, item, names = pending.pop()
        if isinstance(item, dict):
            for key, value in item.items():
                if key == keyword and not names:
                    yield (*path, key), value
                if names or key not in DATA:
                    pending.append(((*path, key), value, not names and key in _NAMED))
        elif isinstance(item, list):
            pending += [((*path, str(index)), value, False) for index, value in enumerate(item)]
