"""The JSON Schema of a workflow file, for editors."""

from collections.abc import Collection, Mapping
from typing import Any

from engine.domain.definition import Compensation, StepDefinition, WorkflowDefinition
from engine.domain.kinds import StepKind
from engine.domain.triggers.form import SOURCES, TriggerForm

_DEFS = "#/$defs/{model}"
_TEMPLATE = {"type": "string", "pattern": r"\$\{"}
_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "deprecated"})
_CONSTRAINTS = frozenset({"type", "enum", "const", "$ref", "anyOf", "allOf", "oneOf", "pattern"})


def definition_schema(kinds: Mapping[str, StepKind]) -> dict[str, Any]:
    """JSON Schema 2020-12 of a workflow definition: the `with` of a step follows from its `kind`, nested steps included.
    Wherever `with` wants something else than any text, an expression is accepted too.
    """
    schema = WorkflowDefinition.model_json_schema(ref_template=_DEFS)
    definitions: dict[str, Any] = schema.pop("$defs")
    shared = frozenset(definitions)
    definitions |= _trigger_definitions()
    schema["properties"]["triggers"]["items"] = {"$ref": _DEFS.format(model=TriggerForm.__name__)}
    for name, kind in sorted(kinds.items()):
        definitions |= _with_definitions(name, kind, shared)
    for model in (StepDefinition.__name__, Compensation.__name__):
        definitions[model] = _by_kind(definitions[model], kinds)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}


def _by_kind(step: dict[str, Any], kinds: Mapping[str, StepKind]) -> dict[str, Any]:
    properties = {**step["properties"], "kind": {**step["properties"]["kind"], "enum": sorted(kinds)}}
    rules = [
        {
            "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
            "then": {
                "properties": {"with": {"$ref": _DEFS.format(model=f"{name}.with")}},
                "required": ["with"] if any(field.is_required() for field in kind.With.model_fields.values()) else [],
            },
        }
        for name, kind in sorted(kinds.items())
    ]
    return {**step, "properties": properties, "allOf": rules}


def _trigger_definitions() -> dict[str, Any]:
    schema = TriggerForm.model_json_schema(ref_template=_DEFS)
    parts: dict[str, Any] = schema.pop("$defs")
    exactly_one = [{"required": [name], "properties": {name: {"type": "object"}}} for name in SOURCES]
    return {**parts, TriggerForm.__name__: {**schema, "oneOf": exactly_one}}


def _with_definitions(name: str, kind: StepKind, shared: Collection[str]) -> dict[str, Any]:
    """The schema of a kind's `with` and of the models it uses, under names of its own. Those of the language are shared."""
    schema = kind.With.model_json_schema(ref_template=_DEFS)
    own = {model: part for model, part in schema.pop("$defs", {}).items() if model not in shared}
    renamed = {_DEFS.format(model=model): _DEFS.format(model=f"{name}.{model}") for model in own}
    parts = {"with": schema, **own}
    return {
        f"{name}.{model}": _renamed(_with_templates(part, kind.DEFERRED if model == "with" else ()), renamed)
        for model, part in parts.items()
    }


def _with_templates(model: dict[str, Any], deferred: Collection[str]) -> dict[str, Any]:
    """The schema of one model, in which every value but that of a deferred field may be an expression instead."""
    properties = {
        field: schema if field in deferred else _or_template(schema)
        for field, schema in model.get("properties", {}).items()
    }
    return {**model, "properties": properties} if properties else model


def _or_template(schema: Any) -> Any:
    if not isinstance(schema, dict) or not _CONSTRAINTS.intersection(schema):
        return schema
    inner = {keyword: _inner(keyword, value) for keyword, value in schema.items() if keyword not in _ANNOTATIONS}
    annotations = {keyword: value for keyword, value in schema.items() if keyword in _ANNOTATIONS}
    return {**annotations, "anyOf": [*(inner.pop("anyOf", ()) if set(inner) == {"anyOf"} else (inner,)), _TEMPLATE]}


def _inner(keyword: str, value: Any) -> Any:
    if keyword in ("items", "additionalProperties"):
        return _or_template(value)
    if keyword == "properties":
        return {name: _or_template(schema) for name, schema in value.items()}
    if keyword in ("anyOf", "prefixItems"):
        return [_inner_alternative(schema) for schema in value]
    return value


def _inner_alternative(schema: dict[str, Any]) -> dict[str, Any]:
    return {keyword: _inner(keyword, value) for keyword, value in schema.items()}


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    if isinstance(schema, list):
        return [_renamed(item, names) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: names.get(item, item) if key == "$ref" and isinstance(item, str) else _renamed(item, names)
        for key, item in schema.items()
    }
