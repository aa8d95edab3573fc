"""Strawberry's decorators for methods that resolve a field. As it declares them they return Any, which hides the types
of what they decorate; and a description can be left out.
"""

from collections.abc import Callable
from operator import attrgetter
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


def read(attributes: str, description: str) -> Any:
    """A field that is an attribute of an attribute, such as `view.state.lane`: nothing is copied for those who do not select it.
    Compiled operations read it in line, by what the resolver says that it `reads`.
    """
    get = attrgetter(attributes)

    def resolve(self: object):  # type: ignore[no-untyped-def]  # noqa: ANN202 # the type of the field is what the class declares
        return get(self)

    resolve.reads = attributes  # type: ignore[attr-defined]
    return strawberry.field(resolver=resolve, description=description)
