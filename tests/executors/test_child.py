from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.domain.errors import (
    InvalidState,
    LimitExceeded,
    NotFound,
    Problem,
    Unavailable,
    ValidationFailed,
    WeftError,
)
from engine.domain.waiting import WaitingFor, WaitKind
from engine.executors.child import Child, ChildWith
from engine.executors.port import Answer, Done, StepFailure, Suspended
from tests.executors.fake_step import FakeStepContext


@dataclass
class Starter:
    """Starts one execution for each key, as the real one does."""

    refusal: WeftError | None = None
    started: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def start(self, *, idempotency_key: str, **request: Any) -> str:
        if self.refusal:
            raise self.refusal
        self.started.setdefault(idempotency_key, request)
        return f"ex_{list(self.started).index(idempotency_key)}"


def step(**with_: Any) -> FakeStepContext:
    return FakeStepContext(with_=ChildWith.model_validate({"workflow": "digest", **with_}))


async def test_a_child_is_started_once_and_waited_for() -> None:
    starter = Starter()
    kind = Child(starter)
    results = [await kind.run(step(version=2, input={"a": 1})) for _ in range(2)]
    assert results == [Suspended((WaitingFor(kind=WaitKind.CHILD, execution_id="ex_0"),))] * 2
    assert starter.started == {
        "ex_test/step:1": {
            "tenant": "local",
            "parent_id": "ex_test",
            "parent_step": "step",
            "workflow": "digest",
            "version": 2,
            "input": {"a": 1},
            "on_parent_close": "cancel",
        }
    }


async def test_a_detached_child_is_left_to_itself() -> None:
    starter = Starter()
    assert await Child(starter).run(step(mode="detach")) == Done({"executionId": "ex_0"})
    assert starter.started["ex_test/step:1"]["on_parent_close"] == "abandon"


async def test_what_happens_when_the_parent_closes_can_be_chosen() -> None:
    starter = Starter()
    await Child(starter).run(step(on_parent_close="abandon"))
    assert starter.started["ex_test/step:1"]["on_parent_close"] == "abandon"


async def test_the_answer_to_the_wait_is_the_output() -> None:
    waiting = step()
    waiting.answers = (Answer(None, {"total": 3}),)
    assert await Child(Starter()).run(waiting) == Done({"total": 3})


@pytest.mark.parametrize(
    ("refusal", "code", "retryable"),
    [
        (NotFound("no workflow digest"), "child_not_found", False),
        (ValidationFailed([Problem(message="required", path=("input", "a"))]), "child_input_invalid", False),
        (LimitExceeded("too many"), "child_limit_exceeded", True),
        (InvalidState("archived"), "child_not_started", False),
    ],
)
async def test_a_refused_start_fails_the_step(refusal: WeftError, code: str, retryable: bool) -> None:  # noqa: FBT001 - a parameter
    with pytest.raises(StepFailure) as raised:
        await Child(Starter(refusal)).run(step())
    assert (raised.value.failure.code, raised.value.failure.retryable) == (code, retryable)
    if code == "child_input_invalid":
        assert raised.value.failure.details["problems"][0]["path"] == ["input", "a"]


async def test_a_store_that_does_not_answer_is_not_the_steps_fault() -> None:
    with pytest.raises(Unavailable):
        await Child(Starter(Unavailable("no answer"))).run(step())
