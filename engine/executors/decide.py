"""`decide`: one of several values, by conditions."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from engine.domain.definition import Model
from engine.domain.expressions import ExpressionFailed, condition, render
from engine.domain.failure import Failure
from engine.domain.kinds import Begin, Beginning, Fail, StepKind, Succeed
from engine.domain.status import FailureKind


class Case(Model):
    when: str | bool = Field(
        description='CEL, with or without `${ }`, such as `input.total > 100 && input.country == "NL"`.'
    )
    value: Any = Field(
        description="The output if this is the first case that holds; its expressions are rendered only then."
    )


class DecideWith(Model):
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=1_000)] = Field(
        description="Tried in order; the first whose condition holds is taken."
    )
    default: Any = Field(
        default=None, description="The output if no case holds; without it the step then fails with `no_case`."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_choice_by_model(cls, given: Any) -> Any:
        if isinstance(given, dict) and "choose" in given:
            raise ValueError("`choose` is not supported yet; write `cases: [{when, value}]` and `default`")
        return given


class Decide(StepKind):
    """`default: null` is a default: only leaving it out makes `no_case` a failure."""

    name: ClassVar[str] = "decide"
    description: ClassVar[str] = "Chooses the value of the first case whose condition holds."
    With = DecideWith
    DEFERRED: ClassVar[frozenset[str]] = frozenset({"cases", "default"})

    def begin(self, beginning: Beginning) -> Begin:
        given: DecideWith = beginning.with_
        path: tuple[str, ...] = ()
        try:
            for index, case in enumerate(given.cases):
                path = ("cases", str(index), "when")
                if condition(case.when, beginning.scope):
                    path = ("cases", str(index), "value")
                    return Succeed(render(case.value, beginning.scope))
            path = ("default",)
            if "default" in given.model_fields_set:
                return Succeed(render(given.default, beginning.scope))
        except ExpressionFailed as error:
            return Fail(_expression_failed(error, path, beginning.step_id))
        return Fail(_no_case(len(given.cases), beginning.step_id))


def _expression_failed(error: ExpressionFailed, path: tuple[str, ...], step_id: str) -> Failure:
    return Failure(
        kind=FailureKind.TASK,
        code="expression_failed",
        message=error.message,
        step_id=step_id,
        retryable=False,
        details={"path": ["with", *path, *error.path], "expression": error.source},
    )


def _no_case(count: int, step_id: str) -> Failure:
    return Failure(
        kind=FailureKind.TASK,
        code="no_case",
        message=f"no case holds (of {count}), and there is no `default`",
        step_id=step_id,
        retryable=False,
    )
