"""Which fields a pydantic model knows at a place inside a value."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from engine.domain.errors import Path


def fields_at(model: type[BaseModel], path: Path) -> list[str]:
    """The names, as authors write them, of the fields that an object at `path` may have."""
    types: list[Any] = [model]
    for segment in path:
        types = [inner for kind in types for inner in _inside(kind, segment)]
    return [name for kind in types if _is_model(kind) for name in _names(kind)]


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _inside(kind: Any, segment: str) -> Iterator[Any]:
    if _is_model(kind):
        for name, field in kind.model_fields.items():
            if segment == (field.alias or name):
                yield from _alternatives(field.annotation)
    else:
        for argument in get_args(kind):
            yield from _alternatives(argument)


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for argument in get_args(annotation):
            yield from _alternatives(argument)
    else:
        yield annotation


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
