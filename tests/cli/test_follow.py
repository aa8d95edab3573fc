"""Following an execution over broken connections."""

from typing import cast

import pytest

from tests.cli.events import event
from tests.cli.scripted_api import ScriptedApi
from weft.cli.absence import PATIENCE_SECONDS
from weft.cli.api import Api
from weft.cli.api_errors import ConnectionLost, NoServer, Refusal, RequestRefused
from weft.cli.follow import Event, follow

END = event("ExecutionSucceeded", 3)
QUEUED = event("ExecutionQueued", 1, lane="default")
STARTED = event("ExecutionStarted", 2, worker="w")


class Pauses:
    """A clock that only sleeping advances."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)

    def now(self) -> float:
        return sum(self.taken)


async def followed(api: ScriptedApi, pauses: Pauses | None = None, *, after: int = 0) -> list[Event]:
    pauses = pauses or Pauses()
    events = follow(cast("Api", api), "ex_1", after=after, sleep=pauses.sleep, clock=pauses.now)
    return [event async for event in events]


def away() -> NoServer:
    return NoServer("no weft server")


def lost() -> ConnectionLost:
    return ConnectionLost("lost")


async def test_a_lost_connection_is_resumed_behind_the_last_event_that_was_seen() -> None:
    api = ScriptedApi([QUEUED, lost()], [away()], [away()], [STARTED, END])
    assert await followed(api) == [QUEUED, STARTED, END]
    assert api.asked == [0, 1, 1, 1]


async def test_what_was_seen_before_is_not_seen_again() -> None:
    api = ScriptedApi([QUEUED, STARTED, lost()], [QUEUED, STARTED, END])
    assert await followed(api) == [QUEUED, STARTED, END]


async def test_ephemeral_events_do_not_move_the_place_to_resume_at() -> None:
    token = event("StepOutputDelta", stepId="a", text="Dear")
    api = ScriptedApi([QUEUED, token, lost()], [STARTED, END])
    assert await followed(api) == [QUEUED, token, STARTED, END]
    assert api.asked == [0, 1]


async def test_nothing_is_tried_again_if_there_was_no_server_to_begin_with() -> None:
    with pytest.raises(NoServer):
        await followed(ScriptedApi([away()]))


async def test_a_server_that_stays_away_is_given_up_in_the_end() -> None:
    pauses = Pauses()
    with pytest.raises(NoServer):
        await followed(ScriptedApi([QUEUED, lost()], *([away()] for _ in range(500))), pauses)
    assert PATIENCE_SECONDS < pauses.now() < PATIENCE_SECONDS + 20


async def test_pauses_grow_and_begin_again_after_a_success() -> None:
    pauses = Pauses()
    api = ScriptedApi([lost()], *([away()] for _ in range(8)), [QUEUED, lost()], [STARTED, END])
    await followed(api, pauses)
    assert all(0.1 * 2**n <= pause <= 0.2 * 2**n for n, pause in enumerate(pauses.taken[:5]))
    assert max(pauses.taken) <= 10
    assert pauses.taken[-1] <= 0.2


async def test_a_refusal_ends_it_unless_the_server_says_that_it_is_only_for_now() -> None:
    def refused(code: str) -> RequestRefused:
        return RequestRefused([Refusal(code=code, message="no", details={})])

    assert await followed(ScriptedApi([QUEUED, refused("UNAVAILABLE")], [STARTED, END])) == [QUEUED, STARTED, END]
    with pytest.raises(RequestRefused):
        await followed(ScriptedApi([refused("NOT_FOUND")]))


async def test_an_execution_that_had_ended_before_has_nothing_more_to_tell() -> None:
    assert await followed(ScriptedApi([], status="SUCCEEDED"), after=3) == []


async def test_a_stream_that_is_completed_too_early_is_opened_again() -> None:
    assert await followed(ScriptedApi([QUEUED], [STARTED, END])) == [QUEUED, STARTED, END]


async def test_aliases_of_the_query_are_not_shown() -> None:
    api = ScriptedApi([{**QUEUED, "reason__": None}, END])
    assert "reason" in (await followed(api))[0]
