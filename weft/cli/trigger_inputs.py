"""Triggers of files as the API takes them."""

from collections.abc import Mapping
from typing import Any

from engine.domain.triggers.form import SOURCES, TriggerFile

_RENAMED = {"secret": "secretName"}
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


def _camel_cased(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _RENAMED.get(name, _camel_case(name)): each.upper() if name in _WORDS else each for name, each in value.items()
    }


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
