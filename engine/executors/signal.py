"""`signal`: waits for a named message sent to the execution."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.domain.definition import Model
from engine.domain.durations import Duration
from engine.domain.kinds import Begin, Beginning, StepKind, Wait
from engine.domain.waiting import WaitingFor, WaitKind
from engine.executors.answer_schema import AnswerSchema


class SignalWith(Model):
    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="The signal's name. One that came before the step began counts."
    )
    schema_: AnswerSchema | None = Field(
        default=None, alias="schema", description="JSON Schema of an acceptable payload; without one any JSON is."
    )
    timeout: Duration | None = Field(
        default=None, description="How long to wait; without it, as long as the execution."
    )
    on_timeout: Literal["fail", "continue"] = Field(
        default="fail", description="`fail`: the step fails with kind TIMEOUT. `continue`: it succeeds with null."
    )


class Signal(StepKind):
    name: ClassVar[str] = "signal"
    description: ClassVar[str] = "Waits for a named signal to the execution; the payload becomes its output."
    With = SignalWith

    def begin(self, beginning: Beginning) -> Begin:
        awaited: SignalWith = beginning.with_
        return Wait(
            WaitingFor(
                kind=WaitKind.SIGNAL,
                signal=awaited.name,
                schema=awaited.schema_,
                until=None if awaited.timeout is None else beginning.at + awaited.timeout,
                on_timeout=awaited.on_timeout,
            )
        )
