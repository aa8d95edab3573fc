"""Renders `${ ... }` in JSON values, and decides conditions."""

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.domain.expressions.compiling import DoesNotCompile, parsed
from engine.domain.expressions.evaluation import evaluate
from engine.domain.expressions.failure import ExpressionFailed
from engine.domain.expressions.room import NoRoom, Room
from engine.domain.expressions.scope import Scope
from engine.domain.expressions.template import OPEN, Template, UnclosedExpression, parse_template
from engine.domain.json_values import MAX_DEPTH


def render(value: Any, scope: Scope, *, secrets: Mapping[str, str] | None = None) -> Any:
    """`value` with every `${ ... }` in its strings replaced. Raises ExpressionFailed, whose `path` leads to the string:
    also where the result would be nested deeper, or be larger, than what can be recorded.

    Without `secrets`, a string that mentions `secrets` is left exactly as it was written.
    """
    if secrets is None:
        return _Rendering(scope, keep_secrets=True).of(value, ())
    return _Rendering(scope.extend(secrets=secrets), keep_secrets=False).of(value, ())


def condition(text: str | bool, scope: Scope) -> bool:  # noqa: FBT001 - `when: false` is a condition as it is written
    """Whether a condition holds: CEL, with or without `${ }`. Raises ExpressionFailed, also where it is not boolean."""
    if isinstance(text, bool):
        return text
    source = bare(text)
    value = evaluate(source, scope)
    if not isinstance(value, bool):
        raise ExpressionFailed(f"a condition must be true or false, and this is {_kind(value)}", source=source)
    return value


def bare(text: str) -> str:
    """The CEL source of a condition. Raises ExpressionFailed where `${ }` is only a part of the text."""
    if OPEN not in text:
        return text.strip()
    source = _template(text).single
    if source is None:
        raise ExpressionFailed("a condition is one expression: write all of it inside ${ }", source=text)
    return source


class _Rendering:
    """One value under way, in the room that it has."""

    def __init__(self, scope: Scope, *, keep_secrets: bool) -> None:
        self._scope = scope
        self._keep_secrets = keep_secrets
        self._room = Room()

    def of(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, str):
            return self._string(value, path) if "$" in value else value
        if not isinstance(value, dict | list):
            return value
        if len(path) > MAX_DEPTH:
            raise ExpressionFailed(f"the value is nested more than {MAX_DEPTH} levels deep", source="", path=path)
        if isinstance(value, dict):
            return {key: self.of(item, (*path, key)) for key, item in value.items()}
        return [self.of(item, (*path, str(index))) for index, item in enumerate(value)]

    def _string(self, text: str, path: tuple[str, ...]) -> Any:
        try:
            template = _template(text)
            if self._keep_secrets and "secrets" in text and _mentions_secrets(template):
                return text
            if template.single is not None:
                return self._evaluated(template.single, len(path))
            parts = list(template.parts)
            parts[1::2] = [_as_text(self._evaluated(source, 0)) for source in template.sources]
            return "".join(parts)
        except ExpressionFailed as error:
            raise ExpressionFailed(error.message, source=error.source, path=path) from None

    def _evaluated(self, source: str, level: int) -> Any:
        value = evaluate(source, self._scope)
        try:
            self._room.take(value, level)
        except NoRoom as error:
            raise ExpressionFailed(str(error), source=source) from None
        return value


def _template(text: str) -> Template:
    try:
        return parse_template(text)
    except UnclosedExpression as error:
        raise ExpressionFailed(str(error), source=text) from None


def _mentions_secrets(template: Template) -> bool:
    try:
        return any("secrets" in parsed(source).roots for source in template.sources)
    except DoesNotCompile as error:
        raise ExpressionFailed(str(error), source=template.sources[0]) from None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
    return "an object"
