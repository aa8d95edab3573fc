"""How a process follows the store's clock, however slowly that answers."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.runtime.shared_clock import SharedClock, steady
from engine.storage.sqlite import SqliteStore
from tests.runtime.failing_store import FailingStore

START = datetime(2030, 1, 1, tzinfo=UTC)


class SlowStore(FailingStore):
    """Takes `seconds` to tell its time, which is `ahead` of the machine's."""

    def __init__(self, inner: SqliteStore, ahead: timedelta) -> None:
        super().__init__(inner, exclusive=False)
        self.seconds = 0.0
        self.here = START
        self._ahead = ahead

    async def now(self) -> datetime | None:
        self.here += timedelta(seconds=self.seconds)
        return self.here + self._ahead


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(minutes=-5), timedelta(0)])
@pytest.mark.parametrize("seconds", [0.0, 0.01, 6.0])
async def test_it_shows_the_stores_time_whether_the_answer_was_quick_or_slow(ahead: timedelta, seconds: float) -> None:
    store = SlowStore(await SqliteStore.open(None), ahead)
    clock = SharedClock(lambda: store.here, store)
    store.seconds = seconds
    for _ in range(3):
        await clock.look()
        assert clock() == store.here + ahead
    await store.close()


async def test_a_slow_answer_does_not_shift_a_clock_that_was_right() -> None:
    store = SlowStore(await SqliteStore.open(None), timedelta(seconds=1))
    clock = SharedClock(lambda: store.here, store)
    store.seconds = 6.0  # the difference is less than what such an answer can tell
    await clock.look()
    assert clock.offset == timedelta(0)
    store.seconds = 0.01
    await clock.look()
    assert clock.offset == timedelta(seconds=1)
    await store.close()


async def test_a_machine_whose_clock_is_set_to_another_time_goes_on_as_before() -> None:
    here = START
    clock = steady(lambda: here)
    before = clock()
    here += timedelta(minutes=5)
    assert before <= clock() < START + timedelta(minutes=1)
