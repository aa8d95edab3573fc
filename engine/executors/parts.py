"""Collects what Python modules and installed packages offer: functions, graphs and step kinds."""

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, Generic, TypeVar

from engine.domain.kinds import StepKind
from engine.executors.marks import FUNCTION_MARK, KIND_MARK, MODULE_PARTS, FunctionMark, RegisteredGraph, place_of

FUNCTIONS_GROUP = "weft.functions"
KINDS_GROUP = "weft.step_kinds"

T = TypeVar("T")


class PartsRefused(Exception):
    """A module cannot be imported, or what it offers cannot be used. The message names the place, for the operator."""


@dataclass(frozen=True, slots=True)
class Offered(Generic[T]):
    """A part under its name; `place` says where it comes from."""

    name: str
    value: T
    place: str


def import_modules(names: Iterable[str]) -> list[ModuleType]:
    """Raises `PartsRefused` for a module that is missing or fails on import."""
    return [_imported(name) for name in names]


def offered_functions(
    modules: Iterable[ModuleType], *, attributes: Sequence[str] = ()
) -> list[Offered[Callable[..., Any]]]:
    """Marked callables of the modules, `module:attribute` names, and entry points of the group `weft.functions`."""
    found = [_function(value) for module in modules for value in vars(module).values() if _marked(value, FUNCTION_MARK)]
    found += [_function(_attribute(name), default=name.partition(":")[2]) for name in attributes]
    found += [_function(value, default=name) for name, value in _installed(FUNCTIONS_GROUP)]
    return unique("function", found)


def offered_graphs(modules: Iterable[ModuleType]) -> list[Offered[Any]]:
    """The runnables that the modules registered with `graph(name, runnable)`."""
    return unique(
        "graph", (Offered(part.name, part.runnable, part.place) for module in modules for part in _graphs(module))
    )


def offered_kinds(modules: Iterable[ModuleType]) -> list[Offered[type[StepKind]]]:
    """Marked classes of the modules, and entry points of the group `weft.step_kinds`."""
    found = [value for module in modules for value in vars(module).values() if _marked(value, KIND_MARK)]
    found += [value for _, value in _installed(KINDS_GROUP)]
    return unique("step kind", (Offered(_kind(value).name, value, place_of(value)) for value in found))


def unique(what: str, found: Iterable[Offered[T]]) -> list[Offered[T]]:
    """One entry for each name. The same object may be offered by several modules; two objects under one name are
    refused.
    """
    by_name: dict[str, Offered[T]] = {}
    for part in found:
        other = by_name.setdefault(part.name, part)
        if other.value is not part.value:
            raise PartsRefused(f"the {what} {part.name!r} is offered twice: by {other.place} and by {part.place}")
    return list(by_name.values())


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever the module's own code raises is told with its name
        raise PartsRefused(f"the module {name!r} cannot be imported: {type(error).__name__}: {error}") from error


def _attribute(name: str) -> Any:
    module_name, _, path = name.partition(":")
    if not path:
        raise PartsRefused(f"{name!r} is no name of a function: write module:attribute")
    value: Any = _imported(module_name)
    for part in path.split("."):
        try:
            value = getattr(value, part)
        except AttributeError as error:
            raise PartsRefused(f"{name!r} cannot be found: {error}") from error
    return value


def _installed(group: str) -> Iterator[tuple[str, Any]]:
    for point in entry_points(group=group):
        try:
            yield point.name, point.load()
        except Exception as error:  # the same: told with the name of the entry point
            raise PartsRefused(f"the entry point {point.name!r} of {group} cannot be loaded: {error}") from error


def _marked(value: Any, mark: str) -> bool:
    # Looked up on the object itself: a subclass of a marked kind is not marked, nor is an instance of a marked class.
    return mark in getattr(value, "__dict__", ())


def _function(value: Any, default: str | None = None) -> Offered[Callable[..., Any]]:
    mark: FunctionMark | None = getattr(value, FUNCTION_MARK, None)
    name = mark.name if mark else default
    if not callable(value) or name is None:
        raise PartsRefused(f"{value!r}, offered as the function {name!r}, cannot be called")
    return Offered(name, value, place_of(value))


def _graphs(module: ModuleType) -> list[RegisteredGraph]:
    assigned = [value for value in vars(module).values() if isinstance(value, RegisteredGraph)]
    return [*vars(module).get(MODULE_PARTS, ()), *assigned]


def _kind(value: Any) -> type[StepKind]:
    if not (isinstance(value, type) and issubclass(value, StepKind)):
        raise PartsRefused(f"{value!r}, offered as a step kind, is no subclass of StepKind")
    return value
