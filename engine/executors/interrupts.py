"""LangGraph's interrupts as waits of a step."""

from collections.abc import Iterable
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from langgraph.types import Interrupt

from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.domain.waiting import WaitingFor, WaitKind
from engine.executors.port import StepFailure
from engine.executors.python_values import NotJson, to_json

LARGEST = 128 * 1024
"""Bytes of JSON, all interrupts of a step taken together: they are part of the execution's state while it waits."""


def waits_of(interrupts: Iterable[Interrupt[Any]], step_id: str) -> tuple[WaitingFor, ...]:
    """One wait for each interrupt. A value that is a text is the prompt; a dict may hold `prompt`, `schema` and
    `assignees`.

    Raises `StepFailure` (`bad_interrupt`) for a value that is no JSON, for a schema that is none, and for more than the
    state of an execution can hold.
    """
    waits = tuple(_wait(interrupt, step_id) for interrupt in interrupts)
    size = len(msgspec.json.encode(waits))
    if size > LARGEST:
        raise StepFailure(_bad(f"the step's interrupts have {size:,} bytes as JSON; the limit is {LARGEST:,}", step_id))
    return waits


def _wait(interrupt: Interrupt[Any], step_id: str) -> WaitingFor:
    try:
        value = to_json(interrupt.value)
        schema = to_json(interrupt.response_schema)
    except NotJson as error:
        raise StepFailure(_bad(f"an interrupt has to carry JSON: {error}", step_id)) from error
    asked = value if isinstance(value, dict) else {"prompt": value}
    prompt, assignees = asked.get("prompt"), asked.get("assignees")
    return WaitingFor(
        kind=WaitKind.INTERRUPT,
        interrupt_id=interrupt.id,
        value=value,
        prompt=prompt if isinstance(prompt, str) else None,
        schema=_checked(asked.get("schema") if schema is None else schema, step_id),
        assignees=tuple(str(name) for name in assignees) if isinstance(assignees, list) else (),
    )


def _checked(schema: Any, step_id: str) -> Any:
    if schema is None:
        return None
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise StepFailure(_bad(f"the `schema` of an interrupt is no JSON Schema: {error.message}", step_id)) from error
    return schema


def _bad(message: str, step_id: str) -> Failure:
    return Failure(kind=FailureKind.TASK, code="bad_interrupt", message=message, step_id=step_id, retryable=False)
