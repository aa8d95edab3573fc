"""Triggers of files as the API takes them, and whether it has them so already."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.domain.triggers.form import SOURCES, TriggerFile

_RENAMED = {"secret": "secretName"}
_TIMES = ("startAt", "endAt")
_WORDS = frozenset({"overlap", "signature"})


def rules_of(form: TriggerFile) -> dict[str, Any]:
    """The input of `updateTrigger`: everything is said, null for what the file leaves out."""
    rules: dict[str, Any] = {"name": form.name, "source": source_of(form)}
    plain = form.model_dump(mode="json", include={"condition", "input_mapping", "dedup_key", "dedup_window"})
    limits = form.model_dump(mode="json", include={"throttle", "buffer"})
    rules |= {_camel_case(name): value for name, value in plain.items()}
    rules |= {name: None if value is None else _camel_cased(value) for name, value in limits.items()}
    return rules


def source_of(form: TriggerFile) -> dict[str, Any]:
    """As `TriggerSourceInput`, with what is not said as it is by default."""
    dumped = form.model_dump(mode="json", include=set(SOURCES), exclude_none=True)
    ((kind, source),) = dumped.items()
    return {kind: _camel_cased(source)}


def new_trigger_of(form: TriggerFile) -> dict[str, Any]:
    """The input of `createTrigger`."""
    given = {name: value for name, value in rules_of(form).items() if value is not None}
    return {**given, "workflow": form.workflow, "maxAttempts": form.max_attempts}


def has_rules(trigger: Mapping[str, Any], rules: Mapping[str, Any]) -> bool:
    """Whether the API shows the trigger as `rules_of` a form wants it."""
    shown = {**trigger, "source": trigger["config"]}
    return all(_comparable(name, shown[name]) == _comparable(name, value) for name, value in rules.items())


def _comparable(name: str, value: Any) -> Any:
    """A moment may be said in several ways, and nothing by null or by silence; not so in a mapping, where null is a value."""
    if name == "inputMapping":
        return json.dumps(value, sort_keys=True)
    if isinstance(value, Mapping):
        return {name: _comparable(name, each) for name, each in value.items() if each is not None}
    return datetime.fromisoformat(value) if name in _TIMES else value


def _camel_cased(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _RENAMED.get(name, _camel_case(name)): each.upper() if name in _WORDS else each for name, each in value.items()
    }


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
