"""LangGraph's filters on stored values and namespaces, as its own stores understand them."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from langgraph.store.base import MatchCondition

_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches_filter(value: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a value has all the wanted entries: equal ones, or `{"$gt": 3}` and its like. Raises ValueError for an
    operator that does not exist.
    """
    return all(_matches(value.get(key), each) for key, each in wanted.items())


def _matches(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if any(key.startswith("$") for key in wanted):
            return all(_compare(value, sign, operand) for sign, operand in wanted.items())
        return isinstance(value, Mapping) and matches_filter(value, wanted)
    if isinstance(wanted, list | tuple):
        return isinstance(value, list) and len(value) == len(wanted) and all(map(_matches, value, wanted))
    return bool(value == wanted)


def _compare(value: Any, sign: str, operand: Any) -> bool:
    if sign == "$eq":
        return bool(value == operand)
    if sign == "$ne":
        return bool(value != operand)
    if sign not in _ORDERED:
        raise ValueError(f"{sign!r} is no operator of a filter; there are $eq, $ne, {', '.join(_ORDERED)}")
    comparable = (_is_number(value) and _is_number(operand)) or (isinstance(value, str) and isinstance(operand, str))
    return comparable and _ORDERED[sign](value, operand)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def matches_namespace(condition: MatchCondition, namespace: tuple[str, ...]) -> bool:
    """`*` in a condition stands for any one label."""
    path = tuple(condition.path)
    if len(path) > len(namespace):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(label in ("*", own) for label, own in zip(path, part, strict=True))
