"""The `function` kind: LangGraph's runtime around user code, its results and failures."""

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config, get_store, get_stream_writer
from langgraph.func import task
from langgraph.graph import START, StateGraph
from langgraph.runtime import get_runtime
from langgraph.types import interrupt

from engine.domain.failure import Failure
from engine.domain.waiting import WaitKind
from engine.executors.function import Function, FunctionWith
from engine.executors.function_calls import FunctionCalls
from engine.executors.functions import Functions
from engine.executors.parts import Offered
from engine.executors.port import Answer, Done, Result, StepFailure, Suspended
from engine.executors.step_reports import MOST_LOG_RECORDS, StepLogs
from engine.executors.threads import Threads
from tests.executors.fake_step import FakeStepContext


class Bench:
    """Runs callables as steps."""

    def __init__(self, logs: StepLogs, threads: Threads) -> None:
        self._logs = logs
        self._threads = threads

    def step(self, call: Callable[..., Any], **args: Any) -> FakeStepContext:
        return FakeStepContext(with_=FunctionWith(call=call.__name__, args=args))

    async def run(self, call: Callable[..., Any], step: FakeStepContext | None = None, **args: Any) -> Result:
        functions = Functions([Offered(call.__name__, call, "here")])
        kind = Function(FunctionCalls(functions, self._threads), self._logs)
        return await kind.run(step or self.step(call, **args))

    async def failure(self, call: Callable[..., Any], **args: Any) -> Failure:
        with pytest.raises(StepFailure) as raised:
            await self.run(call, **args)
        return raised.value.failure


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    logger = logging.getLogger("user")
    logger.setLevel(logging.INFO)
    threads = Threads(4)
    with StepLogs(logger) as logs:
        yield Bench(logs, threads)
    await threads.close()
    assert not logger.handlers


def waits(result: Result) -> Any:
    assert isinstance(result, Suspended)
    return result.waits


# ------------------------------------------------------------------ calls


async def test_coroutine_functions_run_on_the_loop_and_others_in_a_thread(bench: Bench) -> None:
    async def on_the_loop() -> int:
        return threading.get_ident()

    def in_a_thread() -> int:
        return threading.get_ident()

    here = threading.get_ident()
    assert await bench.run(on_the_loop) == Done(here)
    assert await bench.run(in_a_thread) != Done(here)


async def test_a_plain_function_that_returns_an_awaitable_is_awaited(bench: Bench) -> None:
    async def inner() -> int:
        return 7

    def outer() -> Any:
        return inner()

    assert await bench.run(outer) == Done(7)


async def test_arguments_are_revealed_before_the_call(bench: Bench) -> None:
    def length(key: str) -> int:
        return len(key)

    async def reveal(_: Any) -> Any:
        return {"key": "hunter2"}

    step = bench.step(length, key="${ secrets.crm }")
    step.revealed = reveal
    assert await bench.run(length, step) == Done(7)


async def test_what_user_code_raises_passes(bench: Bench) -> None:
    def broken() -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        await bench.run(broken)


async def test_arguments_that_do_not_fit_are_a_failure_with_paths(bench: Bench) -> None:
    def f(count: int) -> None: ...

    failed = await bench.failure(f, count="many", more=1)
    assert (failed.code, failed.retryable) == ("bad_arguments", False)
    assert [problem["path"] for problem in failed.details["problems"]] == [["args", "count"], ["args", "more"]]


async def test_a_validation_error_of_the_functions_own_is_not_about_its_arguments(bench: Bench) -> None:
    def f() -> None:
        FunctionWith.model_validate({})

    with pytest.raises(ValueError, match="FunctionWith"):
        await bench.run(f)


async def test_a_result_that_is_no_json_is_a_failure_with_its_path(bench: Bench) -> None:
    async def f() -> Any:
        return {"scores": [1.0, float("nan")]}

    failed = await bench.failure(f)
    assert (failed.code, failed.retryable, failed.details) == ("bad_result", False, {"path": ["scores", "1"]})


async def test_an_unknown_function_is_a_failure_with_a_suggestion(bench: Bench) -> None:
    def count_words() -> None: ...

    step = bench.step(count_words)
    step.with_ = FunctionWith(call="count_word")
    with pytest.raises(StepFailure, match="did you mean 'count_words'") as raised:
        await bench.run(count_words, step)
    assert (raised.value.failure.code, raised.value.failure.retryable) == ("function_not_found", False)


@pytest.mark.parametrize("code", [0, "bye"])
async def test_a_function_cannot_end_the_worker(bench: Bench, code: Any) -> None:
    async def leaves() -> None:
        sys.exit(code)

    def leaves_too() -> None:
        sys.exit(code)

    assert (await bench.failure(leaves)).code == "system_exit"
    assert (await bench.failure(leaves_too)).code == "system_exit"


async def test_a_cancellation_from_within_is_a_failure_and_one_from_outside_passes(bench: Bench) -> None:
    async def gives_up() -> None:
        raise asyncio.CancelledError

    async def waits_long() -> None:
        await asyncio.sleep(60)

    assert (await bench.failure(gives_up)).code == "cancelled_error"
    running = asyncio.create_task(bench.run(waits_long))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


# ------------------------------------------------------------------ interrupts


async def test_interrupts_are_answered_one_after_another_from_the_top(bench: Bench) -> None:
    begun = 0

    async def ask(topic: str) -> list[Any]:
        nonlocal begun
        begun += 1
        first = interrupt(f"About {topic}?")
        second = interrupt({"prompt": "Sure?", "schema": {"type": "boolean"}, "assignees": ["leads"]})
        return [first, second]

    step = bench.step(ask, topic="cats")
    (first,) = waits(await bench.run(ask, step))
    (second,) = waits(await bench.run(ask, step.again(answers=[Answer(first.interrupt_id, None)])))
    answers = [Answer(second.interrupt_id, "yes"), Answer(first.interrupt_id, None)]
    assert await bench.run(ask, step.again(answers=answers, attempt=2)) == Done([None, "yes"])
    assert (first.kind, first.prompt, first.value) == (WaitKind.INTERRUPT, "About cats?", "About cats?")
    assert (second.prompt, second.schema, second.assignees) == ("Sure?", {"type": "boolean"}, ("leads",))
    assert first.interrupt_id != second.interrupt_id
    assert begun == 3


async def test_an_interrupt_has_the_same_id_in_every_try_and_another_in_another_step(bench: Bench) -> None:
    def ask() -> Any:
        return interrupt("?")

    step = bench.step(ask)
    other = step.again()
    other.step_id = "map[1].step"
    ids = [waits(await bench.run(ask, tried))[0].interrupt_id for tried in (step, step.again(attempt=2), other)]
    assert ids[0] == ids[1] != ids[2]


async def test_an_answer_without_an_id_is_for_the_interrupt_that_was_open(bench: Bench) -> None:
    def ask() -> list[Any]:
        return [interrupt(1), interrupt(2)]

    step = bench.step(ask)
    (first,) = waits(await bench.run(ask, step))
    answers = [Answer(first.interrupt_id, "a"), Answer(None, "b")]
    assert await bench.run(ask, step.again(answers=answers)) == Done(["a", "b"])


async def test_the_response_schema_of_an_interrupt_is_the_schema_of_its_answer(bench: Bench) -> None:
    def ask() -> Any:
        return interrupt("?", response_schema={"type": "integer"})

    assert waits(await bench.run(ask))[0].schema == {"type": "integer"}


@pytest.mark.parametrize("value", [object(), {"schema": {"type": "text"}}])
async def test_an_interrupt_that_nobody_could_answer_is_a_failure(bench: Bench, value: Any) -> None:
    def ask() -> Any:
        return interrupt(value)

    assert (await bench.failure(ask)).code == "bad_interrupt"


class State(TypedDict):
    count: int
    answer: str


async def test_a_graph_called_inside_is_interrupted_and_goes_on_where_it_was(bench: Bench) -> None:
    visited: list[str] = []

    def prepare(state: State) -> dict[str, int]:
        visited.append("prepare")
        return {"count": state["count"] + 1}

    def ask(state: State) -> dict[str, str]:
        visited.append("ask")
        return {"answer": interrupt(f"{state['count']}?")}

    builder = StateGraph(State).add_node("prepare", prepare).add_node("ask", ask)
    compiled = builder.add_edge(START, "prepare").add_edge("prepare", "ask").compile()

    async def calls_it() -> Any:
        first = await compiled.ainvoke({"count": 1, "answer": ""})
        second = await compiled.ainvoke({"count": 10, "answer": ""})
        return [first, second]

    step = bench.step(calls_it)
    answers: list[Answer] = []
    for value in ("a", "b"):
        (wait,) = waits(await bench.run(calls_it, step.again(answers=list(answers))))
        answers.append(Answer(wait.interrupt_id, value))
    done = await bench.run(calls_it, step.again(answers=answers))
    assert done == Done([{"count": 2, "answer": "a"}, {"count": 11, "answer": "b"}])
    assert visited.count("prepare") == 2, "what was checkpointed is not done again"
    assert isinstance(step.checkpointer, InMemorySaver)


async def test_a_task_called_outside_of_an_entrypoint_says_so(bench: Bench) -> None:
    @task
    def part() -> int:
        return 1

    def whole() -> Any:
        return part().result()

    with pytest.raises(RuntimeError, match="'part' was called from a plain function"):
        await bench.run(whole)


# ------------------------------------------------------------------ runtime


async def test_langgraphs_accessors_work_inside_and_not_outside(bench: Bench) -> None:
    def look() -> Any:
        get_store().put(("notes",), "a", {"b": 1})
        runtime = get_runtime()
        assert runtime.store is get_store()
        assert runtime.execution_info is not None
        return [get_config()["configurable"]["thread_id"], runtime.execution_info.node_attempt]

    step = bench.step(look)
    assert await bench.run(look, step) == Done(["ex_test/step", 1])
    item = await step.store.aget(("notes",), "a")
    assert item is not None
    with pytest.raises(RuntimeError, match="outside of a runnable context"):
        get_config()


@pytest.mark.parametrize(
    ("written", "message", "fraction", "data"),
    [
        ({"message": "half", "fraction": 0.5, "rows": [1]}, "half", 0.5, {"rows": [1]}),
        ({"message": "done", "fraction": 7}, "done", 1.0, None),
        ({"message": 3, "fraction": "x"}, None, None, {"message": 3, "fraction": "x"}),
        ("text", None, None, "text"),
        ({"o": float("nan")}, None, None, "{'o': nan}"),
    ],
)
@pytest.mark.parametrize("threaded", [False, True])
async def test_the_stream_writer_reports_progress(
    bench: Bench,
    *,
    threaded: bool,
    written: Any,
    message: str | None,
    fraction: float | None,
    data: Any,
) -> None:
    async def on_the_loop() -> None:
        get_stream_writer()(written)

    def in_a_thread() -> None:
        get_stream_writer()(written)

    call = in_a_thread if threaded else on_the_loop
    step = bench.step(call)
    await bench.run(call, step)
    (progress,) = step.progressed
    assert (progress.message, progress.fraction, progress.data) == (message, fraction, data)


async def test_log_records_become_the_steps(bench: Bench) -> None:
    logger = logging.getLogger("user.code")

    def speaks() -> None:
        logger.debug("too quiet")
        logger.info("hello %s", "there", extra={"rows": {1}})
        try:
            int("oh")
        except ValueError:
            logger.exception("failed")

    step = bench.step(speaks)
    await bench.run(speaks, step)
    logger.info("outside")
    assert [(line.level, line.message) for line in step.lines] == [("info", "hello there"), ("error", "failed")]
    assert step.lines[0].fields == {"logger": "user.code", "rows": [1]}
    assert "ValueError: invalid literal" in step.lines[1].fields["exception"]


async def test_log_records_are_bounded(bench: Bench) -> None:
    async def chatters() -> None:
        for index in range(MOST_LOG_RECORDS + 50):
            logging.getLogger("user").info("%d", index)

    step = bench.step(chatters)
    await bench.run(chatters, step)
    assert len(step.lines) == MOST_LOG_RECORDS + 1
    assert "the rest of this attempt is left out" in step.lines[-1].message


async def test_two_steps_at_a_time_keep_their_progress_apart(bench: Bench) -> None:
    async def speaks(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            get_stream_writer()(name)
            logging.getLogger("user").info(name)

    steps = [bench.step(speaks, name=name) for name in ("a", "b")]
    await asyncio.gather(*(bench.run(speaks, step) for step in steps))
    assert [{progress.data for progress in step.progressed} for step in steps] == [{"a"}, {"b"}]
    assert [{line.message for line in step.lines} for step in steps] == [{"a"}, {"b"}]


async def test_an_abandoned_call_no_longer_speaks_for_its_step(bench: Bench) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def hangs() -> None:
        writer = get_stream_writer()
        begun.set()
        go_on.wait(10)
        writer("late")
        logging.getLogger("user").info("late")
        ended.set()

    step = bench.step(hangs)
    running = asyncio.create_task(bench.run(hangs, step))
    await asyncio.to_thread(begun.wait)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    go_on.set()
    await asyncio.to_thread(ended.wait)
    await asyncio.sleep(0)
    assert (step.progressed, step.lines) == ([], [])
