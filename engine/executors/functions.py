"""The registered Python functions of one engine, by name."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import msgspec

from engine.executors.parts import Offered, PartsRefused, offered_functions, unique
from engine.executors.signatures import BoundArguments, Signature, SignatureRefused


class FunctionDescription(msgspec.Struct, frozen=True, kw_only=True):
    """`schema` is the JSON Schema of `args`."""

    name: str
    doc: str
    schema: dict[str, Any]


class RegisteredFunction(msgspec.Struct, frozen=True, kw_only=True):
    """`asynchronous` ones run on the event loop, the others in a thread."""

    name: str
    doc: str
    place: str
    call: Callable[..., Any]
    asynchronous: bool
    signature: Signature

    @property
    def schema(self) -> dict[str, Any]:
        return self.signature.schema

    def bind(self, arguments: Mapping[str, Any]) -> BoundArguments:
        """Raises `BadArguments`."""
        return self.signature.bind(arguments)


class Functions(Mapping[str, RegisteredFunction]):
    """Raises `PartsRefused` for two functions of one name, and for one that cannot be called with JSON arguments by
    name.
    """

    def __init__(self, offered: Iterable[Offered[Callable[..., Any]]]) -> None:
        self._functions = {part.name: _registered(part) for part in unique("function", offered)}

    @classmethod
    def collect(cls, modules: Iterable[ModuleType], *, attributes: Sequence[str] = ()) -> "Functions":
        """What the modules mark, what the `module:attribute` names lead to, and what installed packages offer."""
        return cls(offered_functions(modules, attributes=attributes))

    def __getitem__(self, name: str) -> RegisteredFunction:
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def describe(self) -> list[FunctionDescription]:
        """Sorted by name."""
        return [
            FunctionDescription(name=name, doc=function.doc, schema=function.schema)
            for name, function in sorted(self._functions.items())
        ]


def _registered(part: Offered[Callable[..., Any]]) -> RegisteredFunction:
    body = _body(part.value)
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        raise PartsRefused(
            f"the function {part.name!r} of {part.place} is a generator; return a list, or write to the stream writer"
        )
    try:
        signature = Signature(part.value)
    except SignatureRefused as error:
        raise PartsRefused(f"the function {part.name!r} of {part.place} cannot be registered: {error}") from error
    return RegisteredFunction(
        name=part.name,
        doc=inspect.getdoc(body) or "",
        place=part.place,
        call=part.value,
        asynchronous=inspect.iscoroutinefunction(body),
        signature=signature,
    )


def _body(call: Callable[..., Any]) -> Callable[..., Any]:
    """The function that will run: behind partials, and behind `__call__` of an object."""
    while isinstance(call, partial):
        call = call.func
    return call if inspect.isroutine(call) else type(call).__call__
