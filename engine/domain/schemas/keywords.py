"""jsonschema's validator, made safe for schemas of strangers."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it has no py.typed marker
from referencing.jsonschema import DRAFT202012, SchemaRegistry

from engine.domain.schemas.patterns import UnsupportedPattern, matches
from engine.domain.schemas.stripping import without_dialect

MOST_WORK = 300_000
"""Keywords looked at in one validation, about a second; those that start a validation of their own count as ten. A
schema whose references fan out has no other bound.
"""
_DEAR = frozenset({"$ref", "$dynamicRef", "anyOf", "oneOf", "allOf", "not", "if", "contains", "dependentSchemas"})

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]


class TooMuchWork(Exception):
    """The validation takes more than `MOST_WORK`."""


class Meter(FormatChecker):
    """Counts the work of one validation. A format checker, because that is what jsonschema hands down to every keyword;
    it checks no formats.
    """

    def __init__(self) -> None:
        super().__init__(formats=())
        self.left = MOST_WORK

    def spend(self, cost: int) -> None:
        self.left -= cost
        if self.left < 0:
            raise TooMuchWork


def validator_for(schema: Any) -> Validator:
    """A validator for one run. The schema must hold no `$schema`: on meeting one, jsonschema leaves this class."""
    return _Validator(schema, format_checker=Meter(), registry=_registry())


def metered(validator: Validator) -> Validator:
    """The same for another run. It keeps what it knows about references, which is dearer than a small validation."""
    return validator.evolve(format_checker=Meter())


@lru_cache(maxsize=1)
def _registry() -> SchemaRegistry:
    """The meta-schemas, to which schemas may refer; without `retrieve`, nothing else is ever looked for."""
    registry: SchemaRegistry = REGISTRY
    return registry.with_resources(
        (uri, DRAFT202012.create_resource(without_dialect(REGISTRY[uri].contents))) for uri in REGISTRY
    )


def hashable(value: Any) -> Any:
    """Equal for values that are equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, bool):
        return (bool, value)
    if isinstance(value, Mapping):
        return frozenset((key, hashable(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(hashable, value))
    return value


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _found(pattern, instance):
        yield ValidationError(f"does not match the pattern {pattern}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for key, value in instance.items():
            if _found(pattern, key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in known or any(_found(pattern, key) for pattern in patterns):
            continue
        if allowed is False:
            yield ValidationError("is not a known field", path=[key])
        else:
            yield from validator.descend(value, allowed, path=key)


def _unique_items(validator: Any, unique: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    """The library's own compares every pair of objects: hours for a long list."""
    if unique and validator.is_type(instance, "array") and len({hashable(item) for item in instance}) < len(instance):
        yield ValidationError("holds the same item twice")


def _found(pattern: str, text: str) -> bool:
    try:
        return matches(pattern, text)
    except UnsupportedPattern:
        return False


def _metered(name: str, keyword: Keyword) -> Keyword:
    cost = 10 if name in _DEAR else 1

    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        validator.format_checker.spend(cost)
        yield from keyword(validator, value, instance, schema) or ()

    return run


_OWN: dict[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
_Validator: Callable[..., Validator] = extend(  # type: ignore[no-untyped-call]  # its stubs lack the types
    Draft202012Validator,
    {name: _metered(name, keyword) for name, keyword in {**Draft202012Validator.VALIDATORS, **_OWN}.items()},
)
