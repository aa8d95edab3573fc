"""Events that are given as a JSON object, as to the mutation publishEvent."""

from collections.abc import Mapping
from typing import Any

import orjson

from engine.domain.errors import Problem, ValidationFailed
from engine.domain.triggers.cloud_event import CloudEvent
from triggers.cloud_events.attributes import CORE, LONGEST_NAME_WRITTEN, SPECVERSION, assemble
from triggers.cloud_events.payload import check_size

_EXTENSIONS = "extensions"
_MEMBERS = {*CORE, "data", _EXTENSIONS}


def from_input(given: Mapping[str, Any], *, data_limit: int | None = None) -> CloudEvent:
    """`time` may be a datetime already; `specversion` may be absent. An id has to be there: whoever publishes without one mints it."""
    unknown = [name for name in given if name not in _MEMBERS]
    extensions = given.get(_EXTENSIONS)
    problems = [_unknown(name) for name in unknown]
    if not isinstance(extensions, Mapping | None):
        problems.append(Problem(message="extensions has to be an object", path=(_EXTENSIONS,)))
    if problems:
        raise ValidationFailed(problems)
    core = {"specversion": SPECVERSION, **{name: given[name] for name in CORE if given.get(name) is not None}}
    event = assemble(core, extensions or {}, given.get("data"), at=(_EXTENSIONS,), longest_name=LONGEST_NAME_WRITTEN)
    if data_limit is not None:
        check_size(len(orjson.dumps(event.data)), data_limit)
    return event


def _unknown(name: Any) -> Problem:
    message = f"{ascii(name)[:80]} is not a member of an event"
    return Problem(message=message, hint=f"Attributes of your own belong into {_EXTENSIONS}")
