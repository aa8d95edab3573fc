"""Numbers that may depend on the variables of a request; those that do not are folded when the formula is made."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Variables = Mapping[str, Any]
Formula = int | Callable[[Variables], int]


def value_of(formula: Formula, variables: Variables) -> int:
    return formula if isinstance(formula, int) else formula(variables)


def total(formulas: Iterable[Formula]) -> Formula:
    fixed, open_ = _divided(formulas)
    constant = sum(fixed)
    if not open_:
        return constant
    if len(open_) == 1:
        (only,) = open_
        return lambda variables: constant + only(variables)
    return lambda variables: constant + sum(each(variables) for each in open_)


def largest(formulas: Iterable[Formula]) -> Formula:
    """0 of none."""
    fixed, open_ = _divided(formulas)
    constant = max(fixed, default=0)
    if not open_:
        return constant
    return lambda variables: max(constant, *(each(variables) for each in open_))


def product(first: Formula, second: Formula) -> Formula:
    if isinstance(first, int) and isinstance(second, int):
        return first * second
    if isinstance(first, int):
        first, second = second, first
    if not isinstance(first, int) and isinstance(second, int):
        many, each = first, second
        return lambda variables: many(variables) * each
    return lambda variables: value_of(first, variables) * value_of(second, variables)


def when(holds: Callable[[Variables], bool], formula: Formula) -> Formula:
    return lambda variables: value_of(formula, variables) if holds(variables) else 0


def _divided(formulas: Iterable[Formula]) -> tuple[list[int], list[Callable[[Variables], int]]]:
    fixed: list[int] = []
    open_: list[Callable[[Variables], int]] = []
    for each in formulas:
        if isinstance(each, int):
            fixed.append(each)
        else:
            open_.append(each)
    return fixed, open_
