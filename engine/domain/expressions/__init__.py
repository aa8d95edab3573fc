"""CEL in `${ ... }`: rendered, evaluated and checked.

A string that is exactly one `${ }` keeps the value's type; elsewhere the value becomes text. `$${` is a literal `${`.
"""

from engine.domain.expressions.checking import Reference, check, examine, references
from engine.domain.expressions.evaluation import evaluate
from engine.domain.expressions.failure import ExpressionFailed
from engine.domain.expressions.rendering import bare, condition, render
from engine.domain.expressions.scope import Scope
from engine.domain.expressions.template import OPEN, UnclosedExpression, parse_template

__all__ = [
    "OPEN",
    "ExpressionFailed",
    "Reference",
    "Scope",
    "UnclosedExpression",
    "bare",
    "check",
    "condition",
    "evaluate",
    "examine",
    "parse_template",
    "references",
    "render",
]
