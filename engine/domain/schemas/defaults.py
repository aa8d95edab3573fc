"""Fills in the defaults that a schema gives."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cached_property
from typing import Any

from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no py.typed marker
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from engine.domain.json_values import MAX_DEPTH

_MOST_PARTS = 32
"""Schemas that apply to one value by references and `allOf`; more are a circle."""


def with_defaults(value: Any, schema: Any) -> Any:
    """`value` with the `default` of every absent property of the objects in it; `value` itself is not changed. Looks
    into `properties`, `items`, `prefixItems`, `allOf` and local references. An absent object stays absent unless it has
    a default of its own.
    """
    if not isinstance(schema, dict):
        return value
    return _Filling(schema).filled(value, schema, 0)


class _Filling:
    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    @cached_property
    def _resolver(self) -> Any:
        return REGISTRY.resolver_with_root(DRAFT202012.create_resource(self._schema))

    def filled(self, value: Any, schema: Any, depth: int) -> Any:
        if depth > MAX_DEPTH or not isinstance(value, dict | list):
            return value
        for part in self._parts(schema):
            value = self._object(value, part, depth) if isinstance(value, dict) else self._array(value, part, depth)
        return value

    def _object(self, value: dict[str, Any], schema: dict[str, Any], depth: int) -> dict[str, Any]:
        filled = dict(value)
        properties = schema.get("properties")
        for name, subschema in (properties if isinstance(properties, dict) else {}).items():
            if name not in filled:
                defaults = [part["default"] for part in self._parts(subschema) if "default" in part]
                if defaults:
                    filled[name] = deepcopy(defaults[0])
            if name in filled:
                filled[name] = self.filled(filled[name], subschema, depth + 1)
        return filled

    def _array(self, value: list[Any], schema: dict[str, Any], depth: int) -> list[Any]:
        first = schema.get("prefixItems")
        first = first if isinstance(first, list) else []
        rest = schema.get("items", True)
        return [
            self.filled(item, first[index] if index < len(first) else rest, depth + 1)
            for index, item in enumerate(value)
        ]

    def _parts(self, schema: Any) -> Iterator[dict[str, Any]]:
        """The schema itself and those that apply to the same value."""
        pending = [schema]
        for _ in range(_MOST_PARTS):
            part = pending.pop() if pending else None
            if not isinstance(part, dict):
                if not pending:
                    return
                continue
            yield part
            every = part.get("allOf")
            pending += every if isinstance(every, list) else []
            pending += self._referred(part.get("$ref"))

    def _referred(self, reference: Any) -> list[Any]:
        if not isinstance(reference, str):
            return []
        try:
            return [self._resolver.lookup(reference).contents]
        except Unresolvable:
            return []
