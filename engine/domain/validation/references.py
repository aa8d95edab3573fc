"""Are the expressions in a definition sound, and does each name only what exists where it stands?"""

from collections.abc import Container, Iterator
from typing import Any

import msgspec

from engine.domain.errors import Path, Problem
from engine.domain.expressions import (
    OPEN,
    ExpressionFailed,
    UnclosedExpression,
    bare,
    examine,
    parse_template,
)
from engine.domain.json_values import strings_in
from engine.domain.validation.shape import did_you_mean

EVERYWHERE = frozenset({"input", "steps", "execution"})
_NO_SECRETS = "unknown name 'secrets'"


class Level(msgspec.Struct, frozen=True):
    """One list of steps as an expression sees it: `known` are all its ids, `ready` those whose results are there."""

    known: frozenset[str]
    ready: Container[str]


class Visible(msgspec.Struct, frozen=True):
    """What an expression may name. `levels` from the innermost list of steps outwards: the first that knows an id
    decides.
    """

    variables: frozenset[str]
    levels: tuple[Level, ...]
    itself: str | None = None
    """The step that the expression belongs to."""

    def also(self, *variables: str) -> "Visible":
        return Visible(self.variables.union(variables), self.levels, self.itself)

    def problem_with(self, step_id: str) -> tuple[str, str | None] | None:
        """Message and hint where an expression may not name the step."""
        for level in self.levels:
            if step_id in level.known:
                if step_id in level.ready:
                    return None
                if step_id == self.itself:
                    return "a step cannot read its own result", None
                return f"step '{step_id}' does not come before this one", f"add {step_id} to `needs`"
        known = [name for level in self.levels for name in sorted(level.known)]
        return f"there is no step '{step_id}'", did_you_mean(step_id, known)


def template_problems(value: Any, path: Path, visible: Visible) -> Iterator[Problem]:
    """For every `${ }` in the strings of a JSON value."""
    for inner, text in strings_in(value):
        if OPEN in text:
            try:
                sources = parse_template(text).sources
            except UnclosedExpression as error:
                yield Problem(message=str(error), path=(*path, *inner))
                continue
            for source in sources:
                yield from source_problems(source, (*path, *inner), visible)


def condition_problems(text: Any, path: Path, visible: Visible) -> Iterator[Problem]:
    """For CEL with or without `${ }`; what is not text is not looked at."""
    if not isinstance(text, str):
        return
    try:
        source = bare(text)
    except ExpressionFailed as error:
        yield Problem(message=error.message, path=path)
        return
    yield from source_problems(source, path, visible)


def source_problems(source: str, path: Path, visible: Visible) -> Iterator[Problem]:
    problems, reference = examine(source, visible.variables)
    for problem in problems:
        if problem.message == _NO_SECRETS:
            yield Problem(message="secrets cannot be used here", path=path, hint="only kinds that call out know them")
        else:
            yield msgspec.structs.replace(problem, path=path)
    for step_id in sorted(reference.steps):
        wrong = visible.problem_with(step_id)
        if wrong is not None:
            yield Problem(message=wrong[0], path=path, hint=wrong[1])
