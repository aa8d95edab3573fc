import pytest
from langgraph.errors import GraphRecursionError

from engine.domain.errors import LimitExceeded, NotFound, Problem, Unavailable, ValidationFailed
from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.executors.failures import MESSAGE_LIMIT, clean_text, failure_of, snake_case
from engine.executors.port import StepFailure


class HTTPStatusError(Exception):
    pass


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("wrong"), "value_error", "wrong"),
        (HTTPStatusError("503"), "http_status_error", "503"),
        (TimeoutError(), "timeout_error", "TimeoutError"),
        (GraphRecursionError("again"), "graph_recursion_error", "again"),
        (ExceptionGroup("group", [ExceptionGroup("inner", [KeyError("k")])]), "key_error", "'k'"),
        (ExceptionGroup("two", [ValueError("a"), ValueError("b")]), "exception_group", "two (2 sub-exceptions)"),
        (Unspeakable(), "unspeakable", "Unspeakable, whose message cannot be shown"),
    ],
)
def test_an_exception_is_a_task_failure_named_for_its_class(error: Exception, code: str, message: str) -> None:
    failure = failure_of(error, "step")
    assert (failure.kind, failure.code, failure.message) == (FailureKind.TASK, code, message)
    assert failure.step_id == "step"


def test_the_class_is_told_with_its_module() -> None:
    assert failure_of(ValueError("x"), "s").details == {"type": "ValueError"}
    assert failure_of(HTTPStatusError("x"), "s").details == {"type": f"{__name__}.HTTPStatusError"}


def test_what_is_certain_to_repeat_is_not_retried() -> None:
    assert not failure_of(GraphRecursionError("x"), "s").retryable
    assert failure_of(ConnectionError("x"), "s").retryable


def test_a_store_or_bus_that_does_not_answer_is_infra() -> None:
    failure = failure_of(Unavailable("no answer"), "s")
    assert (failure.kind, failure.code, failure.retryable) == (FailureKind.INFRA, "unavailable", True)


def test_other_errors_of_ours_keep_their_code_and_problems() -> None:
    assert (failure_of(NotFound("x"), "s").code, failure_of(NotFound("x"), "s").retryable) == ("not_found", False)
    assert failure_of(LimitExceeded("x"), "s").retryable
    failure = failure_of(ValidationFailed([Problem(message="bad", path=("a",))]), "s")
    assert failure.details == {"problems": [{"path": ["a"], "message": "bad"}]}


def test_a_step_failure_says_all_itself() -> None:
    own = Failure(kind=FailureKind.INFRA, code="mine", message="x", retryable=False, details={"a": 1})
    failure = failure_of(StepFailure(own), "s")
    assert (failure.code, failure.kind, failure.step_id, failure.details) == ("mine", FailureKind.INFRA, "s", {"a": 1})


def test_messages_can_be_stored_and_are_bounded() -> None:
    failure = failure_of(ValueError("a\x00b\ud800" + "x" * 10_000), "s")
    assert failure.message.startswith("a\ufffdb?x")
    assert len(failure.message) == MESSAGE_LIMIT
    assert failure.message.encode()
    assert clean_text("short") == "short"


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("A", "a"),
        ("IOError", "io_error"),
        ("S3Error", "s3_error"),
        ("_Private", "private"),
        ("already_snake", "already_snake"),
    ],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake
