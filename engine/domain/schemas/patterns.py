"""Regular expressions of schemas, in linear time.

`re` backtracks: `^(a+)+$` on thirty letters would hold the process for minutes. pydantic's engine (Rust's `regex`) does
not backtrack, and so knows neither look-around nor back-references.
"""

from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError


class UnsupportedPattern(ValueError):
    """The pattern does not compile, or needs backtracking."""


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text. Raises UnsupportedPattern."""
    try:
        compiled(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> TypeAdapter[str]:
    """Raises UnsupportedPattern."""
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
    except SchemaError as error:
        reason = str(error).strip().splitlines()[-1].strip().removeprefix("error: ")
        raise UnsupportedPattern(f"the pattern cannot be used: {reason}") from error
