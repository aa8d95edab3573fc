"""The JSON Schema that an answer from outside has to fit, checked when the definition is read."""

from typing import Annotated, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import AfterValidator


def _checked(schema: Any) -> Any:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        raise ValueError(
            f"this is not a valid JSON Schema{f' at {where}' if where else ''}: {error.message}"
        ) from error
    return schema


AnswerSchema = Annotated[dict[str, Any] | bool, AfterValidator(_checked)]
