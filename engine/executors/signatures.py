"""A callable's parameters as a pydantic model: JSON arguments in, Python arguments out."""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError

from engine.domain.errors import Problem

_KINDS = inspect.Parameter


class SignatureRefused(Exception):
    """The callable cannot be called with JSON arguments by name."""


class BadArguments(Exception):
    """The arguments do not fit the signature; paths start at `args`."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{'.'.join(problem.path)}: {problem.message}" for problem in problems))
        self.problems = problems


class BoundArguments(msgspec.Struct, frozen=True):
    positional: tuple[Any, ...]
    keyword: dict[str, Any]


class Signature:
    """Built once for each callable. Raises `SignatureRefused`."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._parameters = _parameters(call)
        self._model = _model(call, self._parameters)
        self.schema: dict[str, Any] = {**self._model.model_json_schema(by_alias=True), "title": "Arguments"}

    def bind(self, arguments: Mapping[str, Any]) -> BoundArguments:
        """The arguments as the callable takes them; what was not given is left to its own defaults. Raises
        `BadArguments`.
        """
        try:
            model = self._model.model_validate(arguments)
        except ValidationError as error:
            raise BadArguments(_problems(error)) from error
        given = model.model_fields_set
        positional: list[Any] = []
        keyword: dict[str, Any] = dict(model.model_extra or {})
        for index, parameter in enumerate(self._parameters):
            field = _field(index)
            if parameter.kind is _KINDS.POSITIONAL_ONLY:
                positional.append(getattr(model, field) if field in given else parameter.default)
            elif field in given:
                keyword[parameter.name] = getattr(model, field)
        return BoundArguments(tuple(positional), keyword)


def _parameters(call: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError) as error:
        raise SignatureRefused(f"its signature cannot be read: {error}") from error
    for parameter in parameters:
        if parameter.kind is _KINDS.VAR_POSITIONAL:
            raise SignatureRefused(f"it takes *{parameter.name}, but arguments are given by name")
    return parameters


def _model(call: Callable[..., Any], parameters: list[inspect.Parameter]) -> type[BaseModel]:
    hints = _hints(call)
    takes_more = any(parameter.kind is _KINDS.VAR_KEYWORD for parameter in parameters)
    fields = {
        _field(index): _declared(parameter, hints.get(parameter.name, Any))
        for index, parameter in enumerate(parameters)
        if parameter.kind is not _KINDS.VAR_KEYWORD
    }
    config = ConfigDict(extra="allow" if takes_more else "forbid", protected_namespaces=())
    try:
        return create_model("Arguments", __config__=config, **fields)
    except (PydanticUserError, TypeError, NameError) as error:
        raise SignatureRefused(f"its parameters cannot be read from JSON: {error}") from error


def _hints(call: Callable[..., Any]) -> dict[str, Any]:
    source = inspect.unwrap(call) if inspect.isroutine(call) else type(call).__call__
    try:
        return get_type_hints(source, include_extras=True)
    except Exception as error:  # an annotation is an expression of the author's; it may raise anything
        raise SignatureRefused(f"its annotations cannot be resolved: {error}") from error


def _field(index: int) -> str:
    """Fields have neutral names, and the parameter's as alias, since pydantic reserves `schema`, `json` and others."""
    return f"p{index}"


def _declared(parameter: inspect.Parameter, annotation: Any) -> Any:
    if parameter.default is inspect.Parameter.empty:
        return (annotation, Field(alias=parameter.name, title=parameter.name))
    if _is_json(parameter.default):
        return (annotation, Field(default=parameter.default, alias=parameter.name, title=parameter.name))
    # Not shown: only the function itself can make sense of such a default.
    return (annotation, Field(default_factory=_absent, alias=parameter.name, title=parameter.name))


def _absent() -> None:
    return None


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return not isinstance(value, BaseModel)


def _problems(error: ValidationError) -> tuple[Problem, ...]:
    """Without the inputs, which may be secrets."""
    return tuple(
        Problem(message=_WORDS.get(found["type"], found["msg"]), path=("args", *(str(part) for part in found["loc"])))
        for found in error.errors(include_input=False, include_url=False, include_context=False)
    )


_WORDS = {"extra_forbidden": "the function has no such parameter", "missing": "this argument is required"}
