"""Shared streams: each event is executed once for all who ask the same, and each reader sees its own stream whole."""

import asyncio
import random
from collections.abc import AsyncIterator
from itertools import pairwise

import msgspec
import pytest

from engine.domain.ids import TenantId
from engine.usecases.caller import Role
from graphql_api.context import LOCAL_OWNER
from tests.api.feeds import FEEDS, Fanout, Feed, Taker, settled


@pytest.fixture
def feed() -> Feed:
    FEEDS.clear()
    FEEDS[""] = Feed()
    return FEEDS[""]


@pytest.fixture
async def fanout() -> AsyncIterator[Fanout]:
    async with asyncio.TaskGroup() as tasks:
        fanout = Fanout(tasks)
        yield fanout
        fanout.end()


@pytest.fixture
async def narrow() -> AsyncIterator[Fanout]:
    """One whose windows and outboxes hold a few events of 100 bytes."""
    async with asyncio.TaskGroup() as tasks:
        fanout = Fanout(tasks, window_bytes=1_000, room_bytes=300)
        yield fanout
        fanout.end()


PAD = "x" * 100


async def test_fifty_subscribers_cost_one_execution_of_each_event(feed: Feed, fanout: Fanout) -> None:
    takers = [fanout.subscribe() for _ in range(50)]
    for number in range(20):
        feed.durable(str(number))
        await settled()
    assert all(taker.seqs == list(range(1, 21)) for taker in takers)
    assert fanout.executed == 20
    assert feed.watching == 1


async def test_what_differs_only_in_where_it_begins_is_shared(feed: Feed, fanout: Fanout) -> None:
    for _ in range(5):
        feed.durable()
    first = fanout.subscribe(after=0)
    await settled()
    others = [
        fanout.subscribe(after=3),
        fanout.subscribe("subscription { log(after: 4) { seq text } }"),
        fanout.subscribe("subscription Named($at: Int) {\n  log(after: $at) {\n    seq, text\n  }\n}", at=5),
        fanout.subscribe("subscription { log { seq text } }"),
    ]
    feed.durable()
    await settled()
    assert [taker.seqs for taker in others] == [[4, 5, 6], [5, 6], [6], [1, 2, 3, 4, 5, 6]]
    assert first.seqs == [1, 2, 3, 4, 5, 6]
    assert fanout.executed == 6
    assert feed.watching == 1


@pytest.mark.parametrize(
    "query",
    [
        "subscription { log { seq } }",
        "subscription { log { text seq } }",
        "subscription { other: log { seq text } }",
        "subscription { log(note: 1) { seq text } }",
        "subscription { log { seq text suffixed } }",
    ],
)
async def test_what_differs_otherwise_is_not(feed: Feed, fanout: Fanout, query: str) -> None:
    fanout.subscribe()
    fanout.subscribe(query)
    feed.durable()
    await settled()
    assert fanout.executed == 2


async def test_values_of_variables_tell_streams_apart_and_so_do_their_defaults(feed: Feed, fanout: Fanout) -> None:
    query = "subscription($s: String = %s, $after: Int) { log(after: $after) { seq text suffixed(suffix: $s) } }"
    takers = [
        fanout.subscribe(query % '"a"'),
        fanout.subscribe(query % '"b"'),
        fanout.subscribe(query % '"a"', s="c"),
        fanout.subscribe(query % '"a"', s="c", after=0),
    ]
    feed.durable("t")
    await settled()
    assert [taker.got[0]["suffixed"] for taker in takers] == ["ta", "tb", "tc", "tc"]
    assert fanout.executed == 3


async def test_a_variable_that_says_where_to_begin_and_something_else_too_tells_streams_apart(
    feed: Feed, fanout: Fanout
) -> None:
    query = "subscription($after: Int) { log(after: $after, note: {at: $after}) { seq text } }"
    fanout.subscribe(query, after=0)
    fanout.subscribe(query, after=None)
    feed.durable()
    await settled()
    assert fanout.executed == 2


@pytest.mark.parametrize("change", [{"tenant": TenantId("other")}, {"role": Role.VIEWER}])
async def test_nobody_gets_what_was_executed_for_another_tenant_or_role(
    feed: Feed, fanout: Fanout, change: dict[str, object]
) -> None:
    fanout.subscribe()
    fanout.subscribe(caller=msgspec.structs.replace(LOCAL_OWNER, **change))
    fanout.subscribe(caller=msgspec.structs.replace(LOCAL_OWNER, principal="somebody else"))
    feed.durable()
    await settled()
    assert fanout.executed == 2


async def test_shared_work_ends_when_the_last_subscriber_leaves(feed: Feed, fanout: Fanout) -> None:
    takers = [fanout.subscribe() for _ in range(3)]
    await settled()
    for taker in takers[:-1]:
        taker.leave()
        await settled()
        assert feed.watching == 1
    takers[-1].leave()
    await fanout.streams.settled()
    assert feed.watching == 0
    assert fanout.metrics._streams == 0


async def test_who_leaves_in_the_middle_of_an_event_takes_it_from_nobody(feed: Feed, fanout: Fanout) -> None:
    class Leaving(Taker):
        """Leaves its neighbour's side while an event is handed out."""

        neighbour: Taker

        def next(self, frame: object) -> None:
            del frame
            self.neighbour.leave()
            self.leave()

    takers = [fanout.subscribe() for _ in range(5)]
    takers[1].__class__ = Leaving
    takers[1].neighbour = takers[2]  # type: ignore[attr-defined] # it is a Leaving now
    feed.durable()
    feed.durable()
    await settled()
    assert [taker.seqs for taker in takers] == [[1, 2], [], [], [1, 2], [1, 2]]
    assert fanout.executed == 2


async def test_a_reader_that_stops_falls_back_to_the_log_and_others_notice_nothing(feed: Feed, narrow: Fanout) -> None:
    slow, quick = narrow.subscribe(), narrow.subscribe()
    await settled()
    slow.stop_reading()
    for number in range(1, 101):
        feed.durable(PAD)
        await settled()
        assert quick.seqs[-1] == number
    assert narrow.executed == 100
    assert len(slow.outbox._queue) < 5, "what it costs is bounded"
    slow.read_on()
    await settled()
    feed.durable("newest")
    await settled()
    assert slow.seqs == quick.seqs == list(range(1, 102))
    executed = narrow.executed
    feed.durable("shared again")
    await settled()
    assert slow.seqs[-1] == quick.seqs[-1] == 102
    assert narrow.executed == executed + 1


async def test_a_late_reader_reads_what_is_gone_from_the_window_alone_and_then_joins(
    feed: Feed, narrow: Fanout
) -> None:
    first = narrow.subscribe()
    for _ in range(50):
        feed.durable(PAD)
        await settled()
    late = narrow.subscribe()
    await settled()
    assert late.seqs == first.seqs == list(range(1, 51))
    executed = narrow.executed
    feed.durable(PAD)
    await settled()
    assert late.seqs == first.seqs == list(range(1, 52))
    assert narrow.executed == executed + 1


async def test_where_all_are_slow_nothing_is_executed_ahead_of_them(feed: Feed, narrow: Fanout) -> None:
    takers = [narrow.subscribe() for _ in range(3)]
    await settled()
    for taker in takers:
        taker.stop_reading()
    for _ in range(1000):
        feed.durable(PAD)
    await settled()
    assert narrow.executed < 10
    for taker in takers:
        taker.read_on()
    while min(len(taker.seqs) for taker in takers) < 1000:
        await settled()
    assert all(taker.seqs == list(range(1, 1001)) for taker in takers)


async def test_a_burst_of_ephemeral_events_sends_nobody_to_the_log(feed: Feed, narrow: Fanout) -> None:
    slow, quick = narrow.subscribe(), narrow.subscribe()
    feed.durable()
    await settled()
    slow.stop_reading()
    for number in range(100):
        feed.ephemeral(f"{number}{PAD}")
        await settled()
    slow.read_on()
    feed.durable()
    await settled()
    assert len(quick.got) == 102
    assert slow.seqs == [1, 2]
    assert 2 < len(slow.got) < 100
    assert feed.watching == 1
    assert narrow.executed == 102


@pytest.mark.parametrize("after", [-1, 6])
async def test_a_place_that_is_none_is_refused_to_who_named_it_alone(feed: Feed, fanout: Fanout, after: int) -> None:
    for _ in range(5):
        feed.durable()
    good = fanout.subscribe(after=3)
    await settled()
    bad = fanout.subscribe(after=after)
    await settled()
    assert bad.errors
    assert "the log ends at 5" in bad.errors[0]["message"]
    assert good.errors is None
    feed.durable()
    await settled()
    assert good.seqs == [4, 5, 6]


async def test_a_first_reader_with_a_place_that_is_none_spoils_nothing_for_the_next(feed: Feed, fanout: Fanout) -> None:
    feed.durable()
    bad, good = fanout.subscribe(after=9), fanout.subscribe(after=0)
    await settled()
    feed.durable()
    await settled()
    assert bad.errors
    assert good.seqs == [1, 2]
    third = fanout.subscribe(after=1)
    executed = fanout.executed
    feed.durable()
    await settled()
    assert good.seqs[-1] == third.seqs[-1] == 3
    assert fanout.executed <= executed + 2


async def test_the_end_of_the_stream_is_everybodys(feed: Feed, narrow: Fanout) -> None:
    takers = [narrow.subscribe() for _ in range(3)]
    await settled()
    takers[0].stop_reading()
    for _ in range(50):
        feed.durable(PAD)
        await settled()
    feed.close()
    await settled()
    assert [taker.complete for taker in takers] == [False, True, True]
    takers[0].read_on()
    await settled()
    assert takers[0].seqs == list(range(1, 51))
    assert takers[0].complete
    assert narrow.metrics._streams == 0


async def test_a_stream_that_breaks_breaks_for_all_and_begins_anew_for_who_comes_again(
    feed: Feed, fanout: Fanout
) -> None:
    feed.durable()
    takers = [fanout.subscribe() for _ in range(3)]
    await settled()
    feed.fail()
    await settled()
    for taker in takers:
        assert taker.errors is not None
        assert taker.errors[0]["extensions"]["code"] == "INTERNAL"
        assert "hunter2" not in str(taker.errors)
    feed.failing = False
    again = fanout.subscribe(after=1)
    feed.durable()
    await settled()
    assert again.seqs == [2]


async def test_changes_begin_with_nothing_and_a_slow_reader_gets_the_newest_of_each(feed: Feed, narrow: Fanout) -> None:
    query = "subscription { changes { seq text } }"
    slow, quick = narrow.subscribe(query), narrow.subscribe(query)
    await settled()
    feed.about("a", "a1")
    await settled()
    slow.stop_reading()
    for number in range(2, 100):
        feed.about("a", f"a{number}")
        feed.about("b", f"b{number}")
        await settled()
    late = narrow.subscribe(query)
    await settled()
    assert late.texts == []
    slow.read_on()
    await settled()
    assert slow.texts[-2:] == ["a99", "b99"]
    assert len(slow.got) < 20
    assert len(quick.got) == 197
    assert narrow.executed == 197


async def test_who_lags_behind_more_changes_than_are_kept_is_told(feed: Feed, narrow: Fanout) -> None:
    query = "subscription { changes { text seq } }"
    slow, quick = narrow.subscribe(query), narrow.subscribe(query)
    await settled()
    slow.stop_reading()
    for number in range(100):
        feed.about(f"ex_{number}", PAD)
        await settled()
    slow.read_on()
    await settled()
    assert slow.errors
    assert slow.errors[0]["extensions"]["code"] == "UNAVAILABLE"
    assert len(quick.got) == 100
    assert quick.errors is None


async def test_a_state_is_shown_to_who_comes_and_only_the_newest_to_who_is_slow(feed: Feed, narrow: Fanout) -> None:
    query = "subscription { state { text seq } }"
    slow = narrow.subscribe(query)
    await settled()
    feed.about("", "1" + PAD)
    await settled()
    slow.stop_reading()
    quick = narrow.subscribe(query)
    await settled()
    assert quick.texts == ["1" + PAD]
    for number in range(2, 50):
        feed.about("", f"{number}{PAD}")
        await settled()
    slow.read_on()
    await settled()
    assert len(quick.got) == 49
    assert len(slow.got) < 8
    assert slow.texts[-1] == f"49{PAD}"
    assert narrow.executed == 49


class Chances:
    """Readers that come, go, stop and read on at random, while things happen."""

    def __init__(self, seed: int, tasks: asyncio.TaskGroup) -> None:
        self._random = random.Random(seed)
        self.feed = FEEDS[""] = Feed()
        window_bytes = self._random.choice([150, 500, 3000])
        self.fanout = Fanout(tasks, window_bytes=window_bytes, room_bytes=self._random.choice([1, 200, 1000]))
        self.there: list[tuple[int, Taker]] = []
        self.gone: list[tuple[int, Taker]] = []

    async def go(self, steps: int) -> None:
        actions = [self._happen] * 3 + [self._show] * 2 + [self._come, self._leave, self._stop, self._read_on]
        for _ in range(steps):
            self._random.choice(actions)()
            for _ in range(self._random.choice([0, 1, 3, 50])):
                await asyncio.sleep(0)
        for _, taker in self.there:
            taker.read_on()
        self.feed.close()
        while not all(taker.complete for _, taker in self.there):
            await settled()
        await self.fanout.streams.settled()
        await settled()

    def _happen(self) -> None:
        for _ in range(self._random.choice([1, 1, 1, 30])):
            self.feed.durable("d" * self._random.choice([0, 50]))

    def _show(self) -> None:
        self.feed.ephemeral(f"e{len(self.feed.events)}")

    def _come(self) -> None:
        after = self._random.randint(0, self.feed.last_seq)
        self.there.append((after, self.fanout.subscribe(after=after)))

    def _leave(self) -> None:
        if self.there:
            self.gone.append(self.there.pop(self._random.randrange(len(self.there))))
            self.gone[-1][1].leave()

    def _stop(self) -> None:
        if self.there:
            self._random.choice(self.there)[1].stop_reading()

    def _read_on(self) -> None:
        if self.there:
            self._random.choice(self.there)[1].read_on()


@pytest.mark.parametrize("seed", range(60))
async def test_whatever_happens_each_reader_sees_each_event_behind_its_place_once_in_order(seed: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        chances = Chances(seed, tasks)
        await chances.go(150)
        for after, taker in chances.there:
            assert taker.seqs == list(range(after + 1, chances.feed.last_seq + 1))
        for after, taker in chances.gone:
            assert taker.seqs == list(range(after + 1, after + 1 + len(taker.seqs)))
        for _, taker in chances.there + chances.gone:
            shown = [int(text[1:]) for text in taker.texts if text.startswith("e")]
            assert all(one < other for one, other in pairwise(shown)), "no ephemeral event comes twice"
        assert chances.feed.watching == 0
        chances.fanout.end()
