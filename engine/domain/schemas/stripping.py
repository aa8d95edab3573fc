"""The part of a schema that jsonschema must not see."""

from typing import Any

DATA = frozenset({"const", "enum", "default", "examples"})
"""Members of a schema whose values are plain JSON."""


def without_dialect(schema: Any) -> Any:
    """The schema without its `$schema` members: on meeting one, jsonschema would go on with its own validator, whose
    patterns backtrack and whose work is not bounded. Takes what `json_problems` accepts.
    """
    if isinstance(schema, list):
        return [without_dialect(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: item if key in DATA else without_dialect(item)
        for key, item in schema.items()
        if not (key == "$schema" and isinstance(item, str))
    }
