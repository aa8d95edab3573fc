"""What is wrong with a JSON value by its JSON Schema."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

MOST_PROBLEMS = 20
_LONGEST_MESSAGE = 500

JsonSchema = Mapping[str, Any] | bool


def problems(schema: JsonSchema, value: Any) -> list[dict[str, Any]]:
    """`{path, message}` for each problem, at most `MOST_PROBLEMS`; empty if the value fits. Paths are lists of strings.
    A reference that leads out of the schema is a problem: nothing is fetched.
    """
    validator = Draft202012Validator(schema, registry=Registry())
    try:
        errors = sorted(validator.iter_errors(value), key=lambda error: [str(part) for part in error.absolute_path])
    except Unresolvable as error:
        return [{"path": [], "message": f"the schema refers to what is not there: {error}"}]
    return [_problem(error) for error in errors[:MOST_PROBLEMS]]


def in_words(found: Mapping[str, Any]) -> str:
    """One problem as a text: `at items.0.name: ...`."""
    return f"at {'.'.join(found['path'])}: {found['message']}" if found["path"] else str(found["message"])


def _problem(error: ValidationError) -> dict[str, Any]:
    return {"path": [str(part) for part in error.absolute_path], "message": error.message[:_LONGEST_MESSAGE]}
