"""Declared graphs over time: what their nodes stream, what a crash leaves, and interrupts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from langgraph.config import get_stream_writer
from langgraph.types import interrupt

from engine.domain.errors import Unavailable
from engine.domain.waiting import WaitKind
from engine.executors.port import Answer, Done, Suspended
from engine.storage.port import Write
from engine.storage.sqlite.store import SqliteStore
from tests.counted_store import CountedStore
from tests.executors.graph_steps import NOW, Workers, chain, failure, runs, value, waits


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(None)
    yield store
    await store.close()


# ------------------------------------------------------------------ streaming


async def test_what_a_node_streams_reaches_the_step(store: SqliteStore) -> None:
    def busy() -> None:
        get_stream_writer()({"message": "half way", "fraction": 0.5})

    workers = Workers(store, functions=[busy])
    step = workers.step(chain(a={"kind": "function", "with": {"call": "busy"}}))
    await workers.run(step)
    assert [(each.message, each.fraction) for each in step.progressed] == [("half way", 0.5)]


# ------------------------------------------------------------------ crashes


class Mortal(CountedStore):
    """What a process wrote that has died: nothing, from then on."""

    dead = False

    async def commit(self, writes: Sequence[Write]) -> None:
        if self.dead:
            raise Unavailable("the process is gone")
        await super().commit(writes)


async def test_after_a_crash_finished_nodes_are_not_run_again(store: SqliteStore) -> None:
    called: list[str] = []
    reached = asyncio.Event()

    def one() -> None:
        called.append("one")

    async def two() -> None:
        called.append("two")
        if called.count("two") == 1:
            reached.set()
            await asyncio.Event().wait()

    with_ = chain(
        a={"kind": "function", "with": {"call": "one"}},
        b={"kind": "function", "with": {"call": "two"}},
        c=value(),
    )
    mortal = Mortal(store)
    dying = Workers(mortal, functions=[one, two])
    running = asyncio.create_task(dying.run(dying.step(with_)))
    await reached.wait()
    mortal.dead = True
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    workers = Workers(store, functions=[one, two])
    workers.epoch = dying.epoch
    assert await workers.output(with_) == {"seen": ["a", "b", "c"]}
    assert called == ["one", "two", "two"]


async def test_a_retry_goes_on_at_the_node_that_failed(store: SqliteStore) -> None:
    called: list[str] = []

    def steady() -> None:
        called.append("steady")

    def shaky() -> None:
        called.append("shaky")
        if len(called) == 2:
            raise ConnectionError("gone")

    workers = Workers(store, functions=[steady, shaky])
    with_ = chain(a={"kind": "function", "with": {"call": "steady"}}, b={"kind": "function", "with": {"call": "shaky"}})
    failed = await failure(workers, with_)
    assert (failed.code, failed.retryable, failed.step_id) == ("connection_error", True, "graph.b")
    assert await workers.output(with_) == {"seen": ["a", "b"]}
    assert called == ["steady", "shaky", "shaky"]


async def test_the_finished_sibling_of_a_failed_node_is_not_run_again(store: SqliteStore) -> None:
    called: list[str] = []

    async def quick() -> None:
        called.append("quick")

    async def shaky() -> None:
        await asyncio.sleep(0.02)
        called.append("shaky")
        if called.count("shaky") == 1:
            raise ConnectionError("gone")

    workers = Workers(store, functions=[quick, shaky])
    with_ = chain(
        a=value(), b={"kind": "function", "with": {"call": "quick"}}, c={"kind": "function", "with": {"call": "shaky"}}
    )
    with_["edges"] = [
        {"from": "a", "to": "b"},
        {"from": "a", "to": "c"},
        {"from": "b", "to": "END"},
        {"from": "c", "to": "END"},
    ]
    await failure(workers, with_)
    assert await workers.output(with_) == {"seen": ["a", "b", "c"]}
    assert called == ["quick", "shaky", "shaky"]


async def test_a_graph_that_has_ended_gives_its_recorded_state_again(store: SqliteStore) -> None:
    called: list[int] = []

    def once() -> None:
        called.append(1)

    workers = Workers(store, functions=[once])
    with_ = chain(a={"kind": "function", "with": {"call": "once"}})
    assert await workers.output(with_) == await workers.output(with_) == {"seen": ["a"]}
    assert called == [1]


async def test_a_former_owner_that_goes_on_writing_changes_nothing(store: SqliteStore) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    called: list[str] = []

    async def slow() -> str:
        called.append("slow")
        if len(called) == 1:
            reached.set()
            await go_on.wait()
            return "zombie"
        return "owner"

    with_ = chain(
        a={"kind": "function", "with": {"call": "slow"}, "update": {"seen": "${ output }"}},
        b={"kind": "approval", "with": {"prompt": "?"}},
    )
    workers = Workers(store, functions=[slow])
    zombie = asyncio.create_task(workers.run(workers.step(with_)))
    await reached.wait()
    (waiting,) = waits(await workers.run(workers.step(with_)))
    go_on.set()
    assert isinstance(await zombie, Suspended)
    result = await workers.run(workers.step(with_, answers=[Answer(waiting, "yes")]))
    assert result == Done({"seen": ["owner", "b"]}, usage=result.usage)


# ------------------------------------------------------------------ interrupts


async def test_an_approval_suspends_the_step_and_its_answer_is_the_nodes_output(store: SqliteStore) -> None:
    schema = {"type": "object", "required": ["ok"]}
    approval = {
        "kind": "approval",
        "with": {"prompt": "Send ${ state.seen[0] }?", "schema": schema, "assignees": ["leads"], "timeout": "1h"},
        "update": {"seen": "${ output.ok }"},
    }
    workers = Workers(store)
    with_ = chain(a=value(), ask=approval, b=value())
    step = workers.step(with_)
    suspended = await workers.run(step)
    assert isinstance(suspended, Suspended)
    (wait,) = suspended.waits
    assert (wait.kind, wait.prompt, wait.schema, wait.assignees) == (WaitKind.INTERRUPT, "Send a?", schema, ("leads",))
    assert wait.until is not None
    assert (wait.until - NOW).total_seconds() == 3600
    assert runs(step) == [("graph.a", "succeeded"), ("graph.ask", "waiting")]

    step = workers.step(with_, answers=[Answer(wait.interrupt_id, {"ok": "yes"})])
    assert (await workers.run(step)).output == {"seen": ["a", "yes", "b"]}  # type: ignore[union-attr]  # it is Done
    assert runs(step) == [("graph.ask", "succeeded"), ("graph.b", "succeeded")]


async def test_null_is_an_answer(store: SqliteStore) -> None:
    workers = Workers(store)
    with_ = chain(ask={"kind": "approval", "with": {"prompt": "?"}, "update": {"seen": "${ [output] }"}})
    (waiting,) = waits(await workers.run(workers.step(with_)))
    result = await workers.run(workers.step(with_, answers=[Answer(waiting, None)]))
    assert result.output == {"seen": [None]}  # type: ignore[union-attr]  # it is Done


def two_approvals() -> dict[str, Any]:
    with_ = chain(
        a=value(),
        left={"kind": "approval", "with": {"prompt": "left?"}, "update": {"seen": "${ output }"}},
        right={"kind": "signal", "with": {"name": "right"}, "update": {"seen": "${ output }"}},
        b=value(),
    )
    with_["edges"] = [
        {"from": "a", "to": "left"},
        {"from": "a", "to": "right"},
        {"from": "left", "to": "b"},
        {"from": "right", "to": "b"},
        {"from": "b", "to": "END"},
    ]
    return with_


@pytest.mark.parametrize("first", [0, 1])
async def test_parallel_interrupts_are_answered_one_at_a_time_in_any_order(store: SqliteStore, first: int) -> None:
    workers = Workers(store)
    with_ = two_approvals()
    suspended = await workers.run(workers.step(with_))
    assert isinstance(suspended, Suspended)
    assert [wait.kind for wait in suspended.waits] == [WaitKind.INTERRUPT, WaitKind.SIGNAL]
    ids = [wait.interrupt_id for wait in suspended.waits]
    answers = [Answer(ids[first], "one")]
    still = await workers.run(workers.step(with_, answers=answers))
    assert list(waits(still)) == [ids[1 - first]]
    done = await workers.run(workers.step(with_, answers=[*answers, Answer(ids[1 - first], "two")]))
    assert done.output == {"seen": ["a", *(["one", "two"] if first == 0 else ["two", "one"]), "b"]}  # type: ignore[union-attr]


async def test_an_answer_that_was_applied_before_a_crash_is_not_applied_again(store: SqliteStore) -> None:
    reached = asyncio.Event()
    called: list[str] = []

    async def slow() -> None:
        called.append("slow")
        if len(called) == 1:
            reached.set()
            await asyncio.Event().wait()

    workers = Workers(store, functions=[slow])
    ask = {"kind": "approval", "with": {"prompt": "?"}, "update": {"seen": "${ output }"}}
    with_ = chain(ask=ask, a={"kind": "function", "with": {"call": "slow"}}, again=ask)
    (waiting,) = waits(await workers.run(workers.step(with_)))
    answers = [Answer(waiting, "first")]
    crashing = asyncio.create_task(workers.run(workers.step(with_, answers=answers)))
    await reached.wait()
    crashing.cancel()
    await asyncio.gather(crashing, return_exceptions=True)
    (later,) = waits(await workers.run(workers.step(with_, answers=answers)))
    assert later != waiting
    assert list(waits(await workers.run(workers.step(with_, answers=answers)))) == [later]
    done = await workers.run(workers.step(with_, answers=[*answers, Answer(later, "second")]))
    assert done.output == {"seen": ["first", "a", "second"]}  # type: ignore[union-attr]  # it is Done


async def test_a_function_that_interrupts_inside_a_node_is_answered_question_by_question(store: SqliteStore) -> None:
    def survey() -> list[Any]:
        return [interrupt({"prompt": "first?"}), interrupt({"prompt": "second?"})]

    workers = Workers(store, functions=[survey])
    with_ = chain(a={"kind": "function", "with": {"call": "survey"}, "update": {"seen": "${ output }"}}, b=value())
    first = waits(await workers.run(workers.step(with_)))
    assert list(first.values()) == ["first?"]
    answers = [Answer(next(iter(first)), 1)]
    second = waits(await workers.run(workers.step(with_, answers=answers)))
    assert list(second.values()) == ["second?"]
    answers.append(Answer(next(iter(second)), 2))
    done = await workers.run(workers.step(with_, answers=answers))
    assert done.output == {"seen": [1, 2, "b"]}  # type: ignore[union-attr]  # it is Done


async def test_two_approvals_of_an_inner_graph_keep_their_ids_while_one_is_answered(store: SqliteStore) -> None:
    workers = Workers(store)
    with_ = chain(a={"kind": "graph", "with": two_approvals(), "update": {"seen": "${ output.seen }"}}, b=value())
    step = workers.step(with_)
    ids = list(waits(await workers.run(step)))
    assert len(ids) == 2
    assert runs(step) == [
        ("graph.a", "waiting"),
        ("graph.a.a", "succeeded"),
        ("graph.a.left", "waiting"),
        ("graph.a.right", "waiting"),
    ]
    answers = [Answer(ids[1], "right")]
    assert list(waits(await workers.run(workers.step(with_, answers=answers)))) == [ids[0]]
    answers.append(Answer(ids[0], "left"))
    done = await workers.run(workers.step(with_, answers=answers))
    assert done.output == {"seen": ["a", "left", "right", "b", "b"]}  # type: ignore[union-attr]  # it is Done


async def test_a_nodes_secrets_reach_its_executor_and_are_not_recorded(store: SqliteStore) -> None:
    given: list[str] = []

    def call(token: str) -> None:
        given.append(token)

    node = {"kind": "function", "with": {"call": "call", "args": {"token": "Bearer ${ secrets.crm }"}}}
    workers = Workers(store, functions=[call])
    step = workers.step(chain(a=node))

    async def revealed(value: Any) -> Any:
        return {name: text.replace("${ secrets.crm }", "s3cret") for name, text in value.items()}

    step.revealed = revealed
    await workers.run(step)
    assert given == ["Bearer s3cret"]
    assert step.children[0].input["args"] == {"token": "Bearer ${ secrets.crm }"}
