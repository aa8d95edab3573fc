"""Splits a string into its text and its `${ ... }` parts."""

from functools import lru_cache

import msgspec

from engine.domain.expressions.tokens import tokens

OPEN = "${"
_ESCAPED = "$${"


class Template(msgspec.Struct, frozen=True):
    """`parts` alternate between text and expression: text, source, text, ..., text."""

    parts: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        return self.parts[1::2]

    @property
    def single(self) -> str | None:
        """The source of a string that is exactly one `${ }`."""
        return self.parts[1] if len(self.parts) == 3 and not self.parts[0] and not self.parts[2] else None  # noqa: PLR2004 - text, source, text


class UnclosedExpression(Exception):
    """`${` without its `}`. `position` is where it opens, from 0."""

    def __init__(self, position: int) -> None:
        super().__init__(f"'${{' at character {position + 1} has no matching '}}'")
        self.position = position


@lru_cache(maxsize=8192)
def parse_template(text: str) -> Template:
    """Raises UnclosedExpression."""
    parts: list[str] = []
    literal: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        if text.startswith(_ESCAPED, dollar):
            literal.append(text[at:dollar] + OPEN)
            at = dollar + len(_ESCAPED)
        elif text.startswith(OPEN, dollar):
            end = _closing_brace(text, dollar)
            parts += ["".join([*literal, text[at:dollar]]), text[dollar + 2 : end].strip()]
            literal = []
            at = end + 1
        else:
            literal.append(text[at : dollar + 1])
            at = dollar + 1
    return Template((*parts, "".join([*literal, text[at:]])))


def _closing_brace(text: str, opening: int) -> int:
    """Braces in string literals and comments do not count."""
    depth = 0
    for token in tokens(text, opening + len(OPEN)):
        if token.group() == "{":
            depth += 1
        elif token.group() == "}":
            if not depth:
                return token.start()
            depth -= 1
    raise UnclosedExpression(opening)
