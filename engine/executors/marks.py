"""How a Python module says what it offers: marks on its own objects, found by whoever collects them.

There is no registry that importing a module would fill: two servers in one process do not share their parts, and a test
leaves nothing behind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FUNCTION_MARK = "__weft_function__"
KIND_MARK = "__weft_step_kind__"
MODULE_PARTS = "__weft_parts__"
"""Name of the list in a module's namespace that keeps what the module offered by a bare call, without assigning it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionMark:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredGraph:
    """`runnable` is a compiled LangGraph graph, an `@entrypoint` or any Runnable; `place` says where it comes from."""

    name: str
    runnable: Any
    place: str


def place_of(call: Callable[..., Any]) -> str:
    """Where a callable is defined, for messages: `digest:count_words (/srv/digest.py:12)`."""
    module = getattr(call, "__module__", None) or "?"
    name = getattr(call, "__qualname__", type(call).__qualname__)
    code = getattr(call, "__code__", None)
    return f"{module}:{name} ({code.co_filename}:{code.co_firstlineno})" if code else f"{module}:{name}"
