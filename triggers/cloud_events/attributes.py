"""An event is put together from its attributes and its data, and every rule that it breaks is named."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.domain.errors import Path, Problem, ValidationFailed
from engine.domain.json_values import json_problems, text_problem
from engine.domain.triggers.cloud_event import CloudEvent
from triggers.cloud_events.trace_context import TRACEPARENT, TRACESTATE, trace_of

SPECVERSION = "1.0"
CORE = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema")
_RESERVED = {*CORE, "data"}
LONGEST_VALUE = 2_048
LONGEST_NAME_WRITTEN = 20
"""The specification asks of producers to use no longer names. Some do: Knative's `knativekafkapartition` has 21 characters."""
LONGEST_NAME_READ = 64

_NAME = re.compile(r"[a-z0-9]+")
_CONTROL = re.compile(r"[\x01-\x1f\x7f-\x9f]")
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MICROSECONDS = len(".123456")


def assemble(
    core: Mapping[str, Any],
    extensions: Mapping[str, Any],
    data: Any,
    *,
    carrier: Mapping[str, Any] | None = None,
    at: Path = (),
    longest_name: int = LONGEST_NAME_READ,
) -> CloudEvent:
    """`core` may hold any of `CORE`; None is as good as absent. The trace context is the extensions' own, else that of the `carrier`,
    such as the headers. `at` leads to where the extensions were given. Raises `ValidationFailed` with everything that is wrong.
    """
    problems: list[Problem] = []
    _check_version(core.get("specversion"), problems)
    trace = trace_of(extensions) or trace_of(carrier or {})
    event = CloudEvent(
        id=_required(core, "id", problems),
        source=_required(core, "source", problems),
        type=_required(core, "type", problems),
        subject=_optional(core, "subject", problems),
        time=_time(core.get("time"), problems),
        datacontenttype=_optional(core, "datacontenttype", problems),
        dataschema=_optional(core, "dataschema", problems),
        data=data,
        extensions={**_extensions(extensions, at, longest_name, problems), **trace},
    )
    problems += json_problems(data, ("data",))
    if problems:
        raise ValidationFailed(problems)
    return event


def read_time(text: Any) -> datetime:
    """In UTC; digits beyond microseconds are cut off. Raises `ValueError` for what is not RFC 3339."""
    if isinstance(text, datetime) and text.tzinfo is not None:
        return text.astimezone(UTC)
    found = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("it is not RFC 3339, such as 2026-01-31T09:30:00Z")
    seconds, fraction, offset = found.groups(default="")
    try:
        return datetime.fromisoformat(f"{seconds}{fraction[:_MICROSECONDS]}{offset}".upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def _check_version(given: Any, problems: list[Problem]) -> None:
    if given is None:
        problems.append(Problem(message="specversion is missing", path=("specversion",)))
    elif given != SPECVERSION:
        message = f"specversion {str(given)[:20]!r} is not supported: {SPECVERSION} is"
        problems.append(Problem(message=message, path=("specversion",)))


def _required(core: Mapping[str, Any], name: str, problems: list[Problem]) -> str:
    given = core.get(name)
    if given is None or given == "":
        problems.append(Problem(message=f"{name} is {'missing' if given is None else 'empty'}", path=(name,)))
        return ""
    return _text(given, (name,), problems)


def _optional(core: Mapping[str, Any], name: str, problems: list[Problem]) -> str | None:
    """Empty, as some senders' headers are, is absent: the specification knows no empty attribute."""
    given = core.get(name)
    return None if given is None or given == "" else _text(given, (name,), problems)


def _text(given: Any, path: Path, problems: list[Problem]) -> str:
    if not isinstance(given, str):
        problems.append(Problem(message=f"{path[-1]} has to be text", path=path))
        return ""
    if len(given) > LONGEST_VALUE:
        message = f"{path[-1]} has {len(given):,} characters: an attribute has at most {LONGEST_VALUE:,}"
        problems.append(Problem(message=message, path=path))
    elif (problem := text_problem(given, path)) is not None:
        problems.append(problem)
    elif (found := _CONTROL.search(given)) is not None:
        message = f"{path[-1]} holds a control character at position {found.start()}"
        problems.append(Problem(message=message, path=path))
    return given


def _time(given: Any, problems: list[Problem]) -> datetime | None:
    if given is None or given == "":
        return None
    try:
        return read_time(given)
    except ValueError as error:
        problems.append(Problem(message=f"time is not a time: {error}", path=("time",)))
        return None


def _extensions(given: Mapping[str, Any], at: Path, longest_name: int, problems: list[Problem]) -> dict[str, Any]:
    taken: dict[str, Any] = {}
    for name, value in given.items():
        if (wrong := _wrong_name(name, longest_name)) is not None:
            problems.append(Problem(message=wrong, path=at or _shown(name)))
        elif value is not None and name not in (TRACEPARENT, TRACESTATE):
            taken[name] = value
            _check_extension(value, (*at, name), problems)
    return taken


def _wrong_name(name: Any, longest: int) -> str | None:
    shown = ascii(name)[:80]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"{shown} cannot be the name of an extension: write lowercase letters and digits of ASCII"
    if len(name) > longest:
        return f"{shown} cannot be the name of an extension: it has more than {longest} characters"
    if name in _RESERVED:
        return f"{shown} cannot be the name of an extension: it is an attribute of every event"
    return None


def _check_extension(value: Any, path: Path, problems: list[Problem]) -> None:
    if isinstance(value, str):
        _text(value, path, problems)
    elif isinstance(value, int):
        problems += json_problems(value, path)
    else:
        problems.append(Problem(message="an extension has to be text, a whole number or a boolean", path=path))


def _shown(name: Any) -> Path:
    """A path has to be sent to the client, whatever the name holds."""
    return (str(name).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")[:80],)
