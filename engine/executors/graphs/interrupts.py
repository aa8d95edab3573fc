"""Interrupts of graphs: what a step waits for because of them, and how answers get back to where they were asked for.

An interrupt of a registered graph is what its author made it. An interrupt of a declared graph carries the waits of one
node: of an approval or a signal one, of a step that suspended itself (a function with interrupts, a child) as many as
that has.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, Protocol

import msgspec
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt, interrupt
from msgspec.structs import replace

from engine.domain.waiting import WaitingFor, WaitKind
from engine.executors.interrupts import waits_of
from engine.executors.port import Answer

Interrupts = Iterable[Interrupt[Any]]


class InterruptStyle(Protocol):
    def waits(self, interrupts: Interrupts, step_id: str) -> tuple[WaitingFor, ...]:
        """Each with an id by which it is answered. Raises `StepFailure`."""

    def resume(self, interrupts: Interrupts, answers: Sequence[Answer]) -> dict[str, Any]:
        """What LangGraph is resumed with: a value for each interrupt that was answered, by its id."""


class RegisteredInterrupts(InterruptStyle):
    def waits(self, interrupts: Interrupts, step_id: str) -> tuple[WaitingFor, ...]:
        return waits_of(interrupts, step_id)

    def resume(self, interrupts: Interrupts, answers: Sequence[Answer]) -> dict[str, Any]:
        values = _by_id(answers)
        return {each.id: values[each.id] for each in interrupts if each.id in values}


class NodeAnswers(NamedTuple):
    """What a node was answered so far. `step_id` is the step run that asked first."""

    step_id: str
    answers: tuple[Answer, ...]


class DeclaredInterrupts(InterruptStyle):
    def waits(self, interrupts: Interrupts, step_id: str) -> tuple[WaitingFor, ...]:
        del step_id
        return tuple(wait for each in interrupts for wait in _public_waits(each))

    def resume(self, interrupts: Interrupts, answers: Sequence[Answer]) -> dict[str, Any]:
        values = _by_id(answers)
        resumed: dict[str, Any] = {}
        for each in interrupts:
            pairs = zip(_asked(each), _public_waits(each), strict=True)
            given = [
                [asked.interrupt_id, values[wait.interrupt_id]] for asked, wait in pairs if wait.interrupt_id in values
            ]
            if given:
                resumed[each.id] = {"step_id": each.value["step_id"], "answers": given}
        return resumed


def ask(step_id: str, waits: Iterable[WaitingFor]) -> NoReturn:
    """Ends the visit of a node until it is answered. Raises LangGraph's `GraphInterrupt`."""
    interrupt({"step_id": step_id, "waits": [msgspec.to_builtins(wait) for wait in waits]})
    raise AssertionError("all answers were read before something was asked")


def answered() -> NodeAnswers | None:
    """What the node that runs now was answered in earlier runs of this visit; None where it has not asked yet."""
    batches: list[dict[str, Any]] = []
    while True:
        try:
            # LangGraph gives back the answers one by one, in order, and raises where there is none any more.
            batches.append(interrupt(None))
        except GraphInterrupt:
            break
    if not batches:
        return None
    answers = tuple(Answer(identifier, value) for batch in batches for identifier, value in batch["answers"])
    return NodeAnswers(batches[0]["step_id"], answers)


def _asked(each: Interrupt[Any]) -> list[WaitingFor]:
    return [msgspec.convert(wait, WaitingFor) for wait in each.value["waits"]]


def _public_waits(each: Interrupt[Any]) -> list[WaitingFor]:
    waits = _asked(each)
    alone = len(waits) == 1
    return [
        # An approval inside of the step is answered like any interrupt: the answer goes to the node, and is not yet the
        # output.
        replace(
            wait,
            kind=WaitKind.INTERRUPT if wait.kind is WaitKind.APPROVAL else wait.kind,
            interrupt_id=wait.interrupt_id or (each.id if alone else f"{each.id}.{place}"),
        )
        for place, wait in enumerate(waits)
    ]


def _by_id(answers: Sequence[Answer]) -> Mapping[str | None, Any]:
    return {answer.interrupt_id: answer.value for answer in answers if answer.interrupt_id is not None}
