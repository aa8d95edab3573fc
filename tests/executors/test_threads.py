import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.executors.threads import Threads, ThreadsExhausted

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


class Hanging:
    """Calls that hang until the test lets them go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()

    def __call__(self) -> str:
        self.begun.release()
        assert self.let_go.wait(10)
        return "late"


@asynccontextmanager
async def hanging() -> AsyncIterator[Hanging]:
    call = Hanging()
    try:
        yield call
    finally:
        call.let_go.set()


async def abandoned(threads: Threads, call: Hanging) -> None:
    """Starts the call and gives it up, as a timeout does."""
    task = asyncio.create_task(threads.run(call, name="hanging"))
    await asyncio.to_thread(call.begun.acquire)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_call_runs_in_another_thread_with_the_callers_context() -> None:
    threads = Threads(2)
    variable.set("mine")
    result = await threads.run(lambda: (variable.get(), threading.get_ident()), name="x")
    assert result[0] == "mine"
    assert result[1] != threading.get_ident()


async def test_an_exception_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        await Threads(1).run(lambda: 1 / 0, name="x")


async def test_stop_iteration_is_no_return() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await Threads(1).run(lambda: next(iter(())), name="x")


async def test_threads_are_used_again() -> None:
    threads = Threads(4)
    idents = {await threads.run(threading.get_ident, name="x") for _ in range(20)}
    assert len(idents) == 1
    await threads.close()


async def test_no_more_calls_run_at_a_time_than_the_size() -> None:
    threads = Threads(2)
    async with hanging() as call:
        tasks = [asyncio.create_task(threads.run(call, name="x")) for _ in range(3)]
        for _ in range(2):
            await asyncio.to_thread(call.begun.acquire)
        assert not await asyncio.to_thread(call.begun.acquire, timeout=0.02)
        call.let_go.set()
        assert await asyncio.gather(*tasks) == ["late"] * 3


async def test_hung_calls_do_not_use_up_the_threads(caplog: pytest.LogCaptureFixture) -> None:
    threads = Threads(1)
    async with hanging() as call:
        for _ in range(5):
            await abandoned(threads, call)
        assert threads.abandoned == 5
        assert await threads.run(lambda: "alive", name="x") == "alive"
    assert "still runs in its thread" in caplog.text


async def test_a_hung_call_that_comes_back_is_forgotten() -> None:
    threads = Threads(1)
    async with hanging() as call:
        await abandoned(threads, call)
        await abandoned(threads, call)
    for _ in range(200):
        if not threads.abandoned:
            break
        await asyncio.sleep(0.005)
    assert threads.abandoned == 0
    assert await threads.run(lambda: "alive", name="x") == "alive"


async def test_too_many_hung_calls_refuse_further_ones() -> None:
    threads = Threads(1, most_abandoned=1)
    async with hanging() as call:
        await abandoned(threads, call)
        with pytest.raises(ThreadsExhausted, match="1 abandoned calls"):
            await threads.run(lambda: None, name="x")


async def test_idle_threads_end_on_close() -> None:
    threads = Threads(2)
    thread = await threads.run(threading.current_thread, name="x")
    await threads.close()
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()


async def test_a_hung_call_does_not_keep_the_process_from_ending() -> None:
    thread = await Threads(1).run(threading.current_thread, name="x")
    assert thread.daemon
