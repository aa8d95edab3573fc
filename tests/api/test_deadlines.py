"""How operations that take too long are ended."""

import asyncio

import pytest

from graphql_api.admission.deadlines import LOOK_SECONDS, Deadlines, Overdue
from tests.patience import PATIENCE_SECONDS


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_what_takes_too_long_is_cancelled_and_what_is_quick_is_not() -> None:
    deadlines = Deadlines()
    cancelled = asyncio.Event()

    async def slow() -> None:
        try:
            await forever()
        finally:
            cancelled.set()

    async def quick() -> int:
        return 7

    slow_one = asyncio.create_task(deadlines.within(slow(), 0.01))
    assert await deadlines.within(quick(), PATIENCE_SECONDS) == 7
    with pytest.raises(Overdue):
        await slow_one
    assert cancelled.is_set()


async def test_one_that_comes_after_a_rest_is_ended_too() -> None:
    deadlines = Deadlines()
    for _ in range(2):
        with pytest.raises(Overdue):
            await deadlines.within(forever(), 0)
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert deadlines._looking is None


async def test_a_task_whose_operation_was_ended_goes_on() -> None:
    with pytest.raises(Overdue):
        await Deadlines().within(forever(), 0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_who_is_cancelled_by_others_is_cancelled_and_not_too_late() -> None:
    task = asyncio.create_task(Deadlines().within(forever(), PATIENCE_SECONDS))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_who_is_cancelled_by_others_too_is_cancelled() -> None:
    async def stubborn() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            stubbornly.cancel()
            raise

    stubbornly = asyncio.create_task(Deadlines().within(stubborn(), 0))
    with pytest.raises(asyncio.CancelledError):
        await stubbornly


async def test_an_answer_that_came_although_it_was_cancelled_is_an_answer() -> None:
    async def answers() -> str:
        try:
            await forever()
        except asyncio.CancelledError:
            return "here"
        raise AssertionError

    task = asyncio.current_task()
    assert task is not None
    assert await Deadlines().within(answers(), 0) == "here"
    assert task.cancelling() == 0


def test_each_event_loop_has_its_own_timer() -> None:
    deadlines = Deadlines()
    for _ in range(2):
        with pytest.raises(Overdue):
            asyncio.run(deadlines.within(forever(), 0))
