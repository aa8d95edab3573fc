"""How workers share the shards of the sweep without asking one another."""

from datetime import UTC, datetime, timedelta

from engine.runtime.roster import ALL_SHARDS, Roster, share_of
from engine.storage.repositories.workers import WorkerRepository
from engine.storage.sqlite import SqliteStore

LEASE = timedelta(seconds=3)


class SetClock:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_every_shard_is_somebodys_and_a_newcomer_moves_only_its_own() -> None:
    three, four = ["wk_a", "wk_b", "wk_c"], ["wk_a", "wk_b", "wk_c", "wk_d"]
    before = {shard: share_of(shard, three) for shard in ALL_SHARDS}
    after = {shard: share_of(shard, four) for shard in ALL_SHARDS}
    assert set(before.values()) == set(three)
    assert {shard for shard in ALL_SHARDS if before[shard] != after[shard]} == {
        shard for shard in ALL_SHARDS if after[shard] == "wk_d"
    }


async def test_workers_share_all_shards_and_take_over_those_of_the_dead_and_of_those_who_left() -> None:
    store, clock = await SqliteStore.open(None), SetClock()
    rosters = [Roster(WorkerRepository(store), name, clock, LEASE) for name in ("wk_a", "wk_b", "wk_c")]
    assert rosters[0].shards == ALL_SHARDS
    for _ in range(2):
        for roster in rosters:
            await roster.once()
    assert sorted(shard for roster in rosters for shard in roster.shards) == sorted(ALL_SHARDS)
    first, second, dead = rosters
    clock.now += LEASE
    await first.once()
    await second.once()
    await first.once()
    assert sorted((*first.shards, *second.shards)) == sorted(ALL_SHARDS)
    assert set(dead.shards) <= set(ALL_SHARDS)
    await second.leave()
    await first.once()
    assert first.shards == ALL_SHARDS
    await store.close()
