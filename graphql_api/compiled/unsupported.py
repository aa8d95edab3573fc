"""What is left to graphql-core."""

from enum import StrEnum


class Reason(StrEnum):
    INTROSPECTION = "introspection"
    LARGE = "large"
    """More fields than are worth being compiled."""
    CONDITIONS = "conditions"
    """A variable of @skip or @include that has no value, or more combinations of them than are kept."""
    DIRECTIVES = "directives"
    """Directives that change how an operation is executed: @defer, @stream, and whatever stands at the operation itself."""
    FRAGMENT_VARIABLES = "fragment_variables"


class Unsupported(Exception):  # no error: the operation is executed in another way
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
