"""What a Python module offers to workflows. Each of these marks an object and changes nothing else about it."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from engine.executors.marks import FUNCTION_MARK, KIND_MARK, MODULE_PARTS, FunctionMark, RegisteredGraph

if TYPE_CHECKING:  # users' modules import this one early; the machinery of step kinds is loaded when a kind is written
    from engine.domain.kinds import StepKind

F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K", bound="type[StepKind]")


@overload
def function(call: F, /) -> F: ...
@overload
def function(*, name: str | None = None) -> Callable[[F], F]: ...
def function(call: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Offers a callable to steps of kind `function` and to agents as a tool, as `name`; without one, as its qualified
    name inside its module. The callable itself is returned. Raises TypeError where it cannot be called by name.

        @function(name="digest.count_words")
        async def count_words(text: str) -> int: ...
    """

    def mark(marked: F) -> F:
        setattr(marked, FUNCTION_MARK, FunctionMark(name=_name_of(marked) if name is None else name))
        return marked

    return mark if call is None else mark(call)


def graph(name: str, runnable: Any) -> RegisteredGraph:
    """Offers a compiled LangGraph graph, an `@entrypoint` or any Runnable to steps of kind `graph`. A bare call at the
    top of a module is enough; the result may also be kept.
    """
    caller = sys._getframe(1)  # noqa: SLF001 - the one way to the namespace of the module that calls, see MODULE_PARTS
    registered = RegisteredGraph(name=name, runnable=runnable, place=f"{caller.f_code.co_filename}:{caller.f_lineno}")
    caller.f_globals.setdefault(MODULE_PARTS, []).append(registered)
    return registered


def step_kind(kind: K) -> K:
    """Offers a subclass of `StepKind` (usually of `Executor`), which must be constructible without arguments."""
    setattr(kind, KIND_MARK, kind.__qualname__)
    return kind


def _name_of(call: Callable[..., Any]) -> str:
    name = getattr(call, "__qualname__", None)
    if not isinstance(name, str) or "<" in name:
        raise TypeError(f"{call!r} has no name of its own to be called by; give one: @function(name=...)")
    return name
