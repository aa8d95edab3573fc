"""`decide`: one of several values, by conditions or by a model."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, model_validator

from engine.domain.definition import Model
from engine.domain.expressions import ExpressionFailed, condition, render
from engine.domain.failure import Failure
from engine.domain.kinds import Begin, Beginning, Execute, Fail, Succeed
from engine.domain.status import FailureKind
from engine.executors.choose import Choose
from engine.executors.late import DECIDE_RUN, Late
from engine.executors.model_caller import ModelCaller
from engine.executors.port import Executor, Result, StepContext

if TYPE_CHECKING:
    from engine.executors.decide_run import DecideRun


class Case(Model):
    when: str | bool = Field(
        description='CEL, with or without `${ }`, such as `input.total > 100 && input.country == "NL"`.'
    )
    value: Any = Field(
        description="The output if this is the first case that holds; its expressions are rendered only then."
    )


class DecideWith(Model):
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=1_000)] = Field(
        default_factory=tuple, description="Tried in order; the first whose condition holds is taken."
    )
    default: Any = Field(
        default=None, description="The output if no case holds; without it the step then fails with `no_case`."
    )
    choose: Choose | None = Field(default=None, description="Lets a model choose; instead of `cases`.")

    @model_validator(mode="before")
    @classmethod
    def _one_way_to_decide(cls, given: Any) -> Any:
        """By what is written: it is wrong also where an expression has yet to give the options."""
        if not isinstance(given, dict):
            return given
        cases, choose = given.get("cases") is not None, given.get("choose") is not None
        if not cases and not choose:
            raise ValueError("`cases` or `choose` is needed")
        if cases and choose:
            raise ValueError("`cases` and `choose` exclude each other")
        if choose and "default" in given:
            raise ValueError("`default` belongs to `cases`: with `choose` the model takes one of the options")
        return given


class Decide(Executor):
    """Cases are decided on the spot; a worker asks the model. `default: null` is a default: only leaving it out makes
    `no_case` a failure.
    """

    name: ClassVar[str] = "decide"
    description: ClassVar[str] = "Chooses the value of the first case whose condition holds, or lets a model choose."
    With = DecideWith
    DEFERRED: ClassVar[frozenset[str]] = frozenset({"cases", "default"})

    def __init__(self, caller: ModelCaller) -> None:
        self._late: Late[DecideRun] = Late(DECIDE_RUN, lambda module: module.DecideRun(caller))

    def begin(self, beginning: Beginning) -> Begin:
        given: DecideWith = beginning.with_
        return _by_cases(given, beginning) if given.choose is None else Execute()

    async def run(self, step: StepContext) -> Result:
        return await (await self._late.get()).run(step)


def _by_cases(given: DecideWith, beginning: Beginning) -> Begin:
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
