"""Evaluates one expression in a scope."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

import msgspec

from engine.domain.errors import Problem
from engine.domain.expressions.chain import BrokenChain, Chain, follow, parse_chain
from engine.domain.expressions.compiling import DoesNotCompile, Program, bound, compiled
from engine.domain.expressions.failure import ExpressionFailed, in_plain_words
from engine.domain.expressions.names import BY_NAME, Read
from engine.domain.expressions.results import NotJson, opened
from engine.domain.expressions.scope import Scope
from engine.domain.expressions.work import TooMuchWork, require_bounded
from engine.domain.json_values import json_problems, text_problem

_chain = lru_cache(maxsize=8192)(parse_chain)


def evaluate(source: str, scope: Scope) -> Any:
    """The JSON value of a CEL source (without `${ }`). Raises ExpressionFailed."""
    chain = _chain(source)
    if chain is not None and chain.root in scope.names and (chain.keys or chain.root not in BY_NAME):
        return _member(chain, source, scope)
    return _compute(source, scope)


def _member(chain: Chain, source: str, scope: Scope) -> Any:
    try:
        value = follow(chain, scope)
    except BrokenChain as error:
        raise ExpressionFailed(str(error), source=source) from None
    return value


def _compute(source: str, scope: Scope) -> Any:
    try:
        program = compiled(source, scope.names)
        result = program.expression.eval(data=_variables(program, source, scope))
        value = opened(result, optionals=program.optionals)
    except (DoesNotCompile, NotJson, TooMuchWork) as error:
        raise ExpressionFailed(str(error), source=source) from None
    except RuntimeError as error:
        raise ExpressionFailed(in_plain_words(str(error)), source=source) from error
    return next(iter(value), None) if program.wrapped else value


def _variables(program: Program, source: str, scope: Scope) -> dict[str, Any]:
    names = program.names
    for name in names.unnamed:
        raise ExpressionFailed(f"'{name}' can only be used with a fixed name, as in {name}.x", source=source)
    values = {root: scope[root] for root in names.roots & scope.names}
    for name, entries in (("steps", names.steps), ("secrets", names.secrets)):
        if name in values:
            values[name] = _entries(values[name], entries)
    reads = dict(_readable(names.reads, values))
    for value in reads.values():
        _require_text(value, source)
    if program.tree is not None:
        require_bounded(program.tree, reads)
    return bound(values, scope.now)


def _entries(variable: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: variable[name] for name in names if name in variable}


def _readable(reads: Iterable[Read], values: Mapping[str, Any]) -> Iterator[tuple[Read, Any]]:
    for root, keys in reads:
        if root in values:
            with suppress(BrokenChain):  # CEL says so, unless the expression asks whether it is there
                yield (root, keys), follow(Chain(root, keys, (True,) * len(keys)), values)


def _require_text(value: Any, source: str) -> None:
    """The library ends text at a NUL character, and fails at lone surrogates."""
    if isinstance(value, str):
        problem = text_problem(value)
    elif isinstance(value, list | dict):
        problem = _text_problem_in(value)
    else:
        return
    if problem is not None:
        raise ExpressionFailed(f"a value cannot be read: {problem.message}", source=source)


def _text_problem_in(value: Any) -> Problem | None:
    """By the encoder, which takes a tenth of the time of looking at every string."""
    try:
        suspicious = b"\\u0000" in msgspec.json.encode(value)
    except UnicodeEncodeError:
        suspicious = True
    problems = json_problems(value) if suspicious else []
    return problems[0] if problems else None
