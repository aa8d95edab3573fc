"""Strawberry's decorators for methods that resolve a field. As it declares them they return Any, which hides the types
of what they decorate; and a description can be left out.
"""

from collections.abc import Callable
from typing import Any, cast

import strawberry
from strawberry.types.field import StrawberryField

Decorator = Callable[[Callable[..., Any]], StrawberryField]


def resolved(description: str) -> Decorator:
    return cast("Decorator", strawberry.field(description=description))


def mutation(description: str) -> Decorator:
    return cast("Decorator", strawberry.mutation(description=description))


def subscription(description: str) -> Decorator:
    return cast("Decorator", strawberry.subscription(description=description))
