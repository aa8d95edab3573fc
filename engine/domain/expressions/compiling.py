"""Compiles CEL, once for each source and set of variables."""

import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec
from cel_expr_python import cel  # type: ignore[import-untyped]  # it has stubs, but no py.typed marker
from cel_expr_python.ext import (  # type: ignore[import-untyped]  # the same
    ext_bindings,
    ext_encoders,
    ext_math,
    ext_optional,
    ext_strings,
)

from engine.domain.expressions.failure import operator
from engine.domain.expressions.functions import FUNCTIONS
from engine.domain.expressions.list_bound import with_bounded_lists
from engine.domain.expressions.names import Names, names_in
from engine.domain.expressions.syntax import Node, read_tree
from engine.domain.expressions.tokens import LOOP, NOW, adapted
from engine.domain.expressions.work import needs_estimate

LONGEST_SOURCE = 10_000
"""Characters. The library itself refuses more than 32 levels of nesting."""

_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)(?=\n \||\nERROR: |\Z)", re.DOTALL)
_UNDECLARED = re.compile(r"undeclared reference to '(?P<name>.*)' \(in container '.*'\)", re.DOTALL)
_OVERLOAD = re.compile(r"found no matching overload for '(?P<function>.*?)' applied to '(?P<types>.*)'", re.DOTALL)
_SYNTAX = re.compile(
    r"Syntax error: (?:mismatched input|extraneous input|no viable alternative at input|token recognition error at:) "
    r"(?P<text>.*?)(?: expecting .*)?",
    re.DOTALL,
)
_TOO_DEEP = ("recursion limit exceeded", "max recursion depth")


class Fault(msgspec.Struct, frozen=True):
    """One reason why a source does not compile. `name` is the variable or function that is unknown."""

    message: str
    name: str | None = None
    is_function: bool = False


class DoesNotCompile(Exception):
    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


class Program(msgspec.Struct, frozen=True):
    """`tree` is there where the work has to be estimated. `optionals`: some may be in the result. `wrapped`: it is one
    itself, and is given as a list of one or none.
    """

    expression: cel.Expression
    names: Names
    tree: Node | None
    optionals: bool
    wrapped: bool


@lru_cache(maxsize=8192)
def compiled(source: str, variables: frozenset[str]) -> Program:
    """Raises DoesNotCompile."""
    expression = _compile(_environment(variables), source)
    wrapped = expression.return_type().name().startswith("optional_type")
    if wrapped:
        expression = _compile(_environment(variables), f"[?{source}\n]")
    serialised = expression.serialize()
    tree = read_tree(serialised)
    estimated = needs_estimate(tree)
    if estimated:
        expression = _environment(variables).deserialize(with_bounded_lists(serialised))
    return Program(
        expression,
        names_in(tree),
        tree if estimated else None,
        optionals="?" in source or "optional" in source,
        wrapped=wrapped,
    )


@lru_cache(maxsize=8192)
def parsed(source: str) -> Names:
    """The names in a source whose variables are not known. Raises DoesNotCompile for bad syntax alone."""
    return names_in(read_tree(_compile(_environment(frozenset()), source, check=False).serialize()))


def bound(values: Mapping[str, object], now: object) -> dict[str, object]:
    """Variables under the names by which a compiled expression knows them."""
    return {LOOP if name == "loop" else name: value for name, value in values.items()} | {NOW: now}


def _compile(environment: cel.Env, source: str, *, check: bool = True) -> cel.Expression:
    if len(source) > LONGEST_SOURCE:
        raise DoesNotCompile((Fault(f"the expression is longer than {LONGEST_SOURCE} characters"),))
    try:
        return environment.compile(adapted(source), not check)
    except TypeError as error:  # the binding cannot take lone surrogates
        raise DoesNotCompile((Fault("the expression holds a character that is not valid Unicode"),)) from error
    except RuntimeError as error:
        raise DoesNotCompile(tuple(_faults(str(error), source))) from error


@lru_cache(maxsize=64)
def _environment(variables: frozenset[str]) -> cel.Env:
    types = {LOOP if name == "loop" else name: cel.Type.DYN for name in variables}
    return cel.NewEnv(
        variables={**types, NOW: cel.Type.TIMESTAMP},
        extensions=[
            ext_strings.ExtStrings(),
            ext_math.ExtMath(),
            ext_optional.ExtOptional(),
            ext_encoders.ExtEncoders(),
            ext_bindings.ExtBindings(),
        ],
    )


def _faults(message: str, source: str) -> list[Fault]:
    if any(words in message for words in _TOO_DEEP):
        return [Fault("the expression is nested more than 32 levels deep")]
    errors = _ERROR.findall(message.removesuffix(" [INVALID_ARGUMENT]"))
    if not errors:
        return [Fault(message)]
    return [_fault(text.strip(), source, int(line), int(column)) for line, column, text in errors]


def _fault(text: str, source: str, line: int, column: int) -> Fault:
    where = f"at character {column}" if line == 1 else f"at line {line}, character {column}"
    if undeclared := _UNDECLARED.fullmatch(text):
        name = undeclared["name"].replace(LOOP, "loop").replace(NOW, "now")
        if _at(source, line, column) == "(":
            if name in FUNCTIONS:
                return Fault(f"'{name}' does not take these arguments, {where}")
            return Fault(f"unknown function '{name}' {where}", name, is_function=True)
        root = name.lstrip(".").partition(".")[0]
        return Fault(f"unknown name '{root}'", root)
    if overload := _OVERLOAD.fullmatch(text):
        return Fault(f"'{operator(overload['function'])}' does not take {overload['types']}, {where}")
    if syntax := _SYNTAX.fullmatch(text):
        unexpected = "end" if syntax["text"] == "'<EOF>'" else syntax["text"]
        return Fault(f"syntax error: unexpected {unexpected} {where}")
    return Fault(f"{text}, {where}")


def _at(source: str, line: int, column: int) -> str:
    text = source.split("\n")[line - 1]
    return text[column - 1 : column]
