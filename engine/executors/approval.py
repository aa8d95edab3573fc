"""`approval`: asks people, and waits for their answer."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from engine.domain.definition import Model
from engine.domain.durations import Duration
from engine.domain.kinds import Begin, Beginning, StepKind, Wait
from engine.domain.waiting import WaitingFor, WaitKind
from engine.executors.answer_schema import AnswerSchema

Assignee = Annotated[str, Field(min_length=1, max_length=200)]


class ApprovalWith(Model):
    prompt: Annotated[str, Field(min_length=1, max_length=10_000)] = Field(description="The question that people see.")
    schema_: AnswerSchema | None = Field(
        default=None, alias="schema", description="JSON Schema of an acceptable answer; without one any JSON is."
    )
    assignees: tuple[Assignee, ...] = Field(
        default=(), max_length=100, description="People or groups that are asked; empty means anybody who may."
    )
    timeout: Duration | None = Field(
        default=None, description="How long to wait; without it, as long as the execution."
    )
    on_timeout: Literal["fail", "continue"] = Field(
        default="fail", description="`fail`: the step fails with kind TIMEOUT. `continue`: it succeeds with null."
    )


class Approval(StepKind):
    name: ClassVar[str] = "approval"
    description: ClassVar[str] = "Asks people a question and waits for the answer, which becomes its output."
    With = ApprovalWith

    def begin(self, beginning: Beginning) -> Begin:
        asked: ApprovalWith = beginning.with_
        return Wait(
            WaitingFor(
                kind=WaitKind.APPROVAL,
                prompt=asked.prompt,
                schema=asked.schema_,
                assignees=asked.assignees,
                until=None if asked.timeout is None else beginning.at + asked.timeout,
                on_timeout=asked.on_timeout,
            )
        )
