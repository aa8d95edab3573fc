"""Finds what is wrong with an expression, and what it refers to, without evaluating it."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

import msgspec

from engine.domain.errors import Problem
from engine.domain.expressions.chain import parse_chain
from engine.domain.expressions.compiling import DoesNotCompile, Fault, compiled, parsed
from engine.domain.expressions.functions import FUNCTIONS
from engine.domain.expressions.names import BY_NAME, Names, names_in_chain
from engine.domain.expressions.template import OPEN, UnclosedExpression, parse_template
from engine.domain.json_values import strings_in


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What one expression refers to; `path` is its string's position. What does not parse refers to nothing."""

    source: str
    path: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    """Variables, such as `input` and `steps`."""
    steps: frozenset[str] = frozenset()
    """The ids in `steps.<id>`."""
    secrets: frozenset[str] = frozenset()
    """The names in `secrets.<name>`."""

    @property
    def uses_secrets(self) -> bool:
        return "secrets" in self.names


def references(value: Any) -> list[Reference]:
    """One for each `${ ... }` in the strings of a JSON value, in order. An unclosed `${` gives none."""
    return [reference_to(source, path) for path, text in strings_in(value) if OPEN in text for source in _sources(text)]


def reference_to(source: str, path: tuple[str, ...] = ()) -> Reference:
    """What a CEL source (without `${ }`) refers to."""
    try:
        names = parsed(source)
    except DoesNotCompile:
        names = Names()
    return _reference(source, names, path)


def check(source: str, names: Collection[str]) -> list[Problem]:
    """Why a CEL source does not compile where these variables exist. The problems have no path."""
    return examine(source, frozenset(names))[0]


def examine(source: str, names: frozenset[str]) -> tuple[list[Problem], Reference]:
    """The problems of `check`, and what the source refers to (nothing where it does not compile)."""
    chain = parse_chain(source)
    if chain is not None and chain.root in names and (chain.keys or chain.root not in BY_NAME):
        return [], _reference(source, names_in_chain(chain))
    try:
        found = compiled(source, names).names
    except DoesNotCompile as error:
        return [_problem(fault, names) for fault in error.faults], Reference(source=source)
    unnamed = [
        Problem(message=f"'{name}' can only be used with a fixed name, as in {name}.x")
        for name in sorted(found.unnamed)
    ]
    return unnamed, _reference(source, found)


def _reference(source: str, names: Names, path: tuple[str, ...] = ()) -> Reference:
    return Reference(source=source, path=path, names=names.roots, steps=names.steps, secrets=names.secrets)


def _problem(fault: Fault, names: Collection[str]) -> Problem:
    if fault.name is None:
        return Problem(message=fault.message)
    near = get_close_matches(fault.name, FUNCTIONS if fault.is_function else names, n=1)
    if near:
        return Problem(message=fault.message, hint=f"did you mean {near[0]}?")
    if fault.is_function:
        return Problem(message=fault.message)
    return Problem(message=fault.message, hint=f"known here: {', '.join(sorted(names))}")


def _sources(text: str) -> tuple[str, ...]:
    try:
        return parse_template(text).sources
    except UnclosedExpression:
        return ()
