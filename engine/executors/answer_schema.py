"""The JSON Schema that an answer from outside has to fit, checked when the definition is read."""

from typing import Annotated, Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import AfterValidator

LARGEST = 64 * 1024
"""Bytes of JSON. It is part of the execution's state for as long as the step waits."""


def _checked(schema: Any) -> Any:
    size = len(msgspec.json.encode(schema))
    if size > LARGEST:
        raise ValueError(f"the schema has {size:,} bytes as JSON; the limit is {LARGEST:,}")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        raise ValueError(
            f"this is not a valid JSON Schema{f' at {where}' if where else ''}: {error.message}"
        ) from error
    return schema


AnswerSchema = Annotated[dict[str, Any] | bool, AfterValidator(_checked)]
