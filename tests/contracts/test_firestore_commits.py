"""Commits on Firestore whose answers get lost, come late, or say that somebody was quicker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from grpc import StatusCode  # type: ignore[import-untyped]  # grpcio ships no types

from engine.domain.errors import PayloadTooLarge, Unavailable
from engine.storage.firestore.database import Database
from engine.storage.firestore.store import FirestoreStore
from engine.storage.port import Conflict, Create, Delete, DocumentStore, Put, Write
from tests.contracts.failing_calls import FailingCalls, after, doubled, refused, unanswered
from tests.contracts.firestore_stores import IMPATIENT, failing_store, new_database
from tests.emulators import Emulators

A = "tenants/t/executions/a"
B = "tenants/t/executions/b"
DEADLINE = StatusCode.DEADLINE_EXCEEDED
LOST = (
    DEADLINE,
    StatusCode.UNAVAILABLE,
    StatusCode.INTERNAL,
    StatusCode.UNKNOWN,
    StatusCode.CANCELLED,
)
PERHAPS = "may or may not have been"


@pytest.fixture
def database(emulators: Emulators) -> Database:
    return new_database(emulators)


@pytest.fixture
async def opened(database: Database) -> AsyncIterator[tuple[FirestoreStore, FailingCalls]]:
    async with failing_store(database) as both:
        yield both


@pytest.fixture
def store(opened: tuple[FirestoreStore, FailingCalls]) -> FirestoreStore:
    return opened[0]


@pytest.fixture
def calls(opened: tuple[FirestoreStore, FailingCalls]) -> FailingCalls:
    return opened[1]


@pytest.fixture
async def rival(database: Database) -> AsyncIterator[FirestoreStore]:
    """As another process."""
    async with failing_store(database) as (store, _):
        yield store


async def state(store: DocumentStore, path: str = A) -> tuple[int, bytes] | None:
    found = await store.get(path)
    return (found.rev, found.body) if found else None


def committing(store: DocumentStore, *writes: Write) -> Callable[[], Awaitable[None]]:
    return lambda: store.commit(writes)


async def outcomes(store: DocumentStore, commits: Sequence[Sequence[Write]]) -> list[BaseException | None]:
    return await asyncio.gather(*(store.commit(writes) for writes in commits), return_exceptions=True)


# ------------------------------------------------------------------ answers that get lost


@pytest.mark.parametrize("code", LOST)
async def test_a_commit_that_was_applied_and_not_answered_is_done(
    store: FirestoreStore, calls: FailingCalls, code: StatusCode
) -> None:
    calls.commits.append(unanswered(code))
    await store.commit([Create(path=A, body=b"1")])
    calls.commits.append(unanswered(code))
    await store.commit([Put(path=A, body=b"2", if_rev=1)])
    calls.commits.append(unanswered(code))
    await store.commit([Put(path=A, body=b"3"), Delete(path=B)])
    assert await state(store) == (3, b"3")
    assert calls.asked["commit"] == 3


@pytest.mark.parametrize("code", LOST)
async def test_a_commit_that_was_not_applied_and_not_answered_is_asked_for_again(
    store: FirestoreStore, calls: FailingCalls, code: StatusCode
) -> None:
    calls.commits.append(refused(code))
    await store.commit([Create(path=A, body=b"1"), Create(path=B, body=b"1")])
    calls.commits.extend([refused(code), refused(code)])
    await store.commit([Put(path=A, body=b"2", if_rev=1), Delete(path=B)])
    calls.commits.append(refused(code))
    await store.commit([Delete(path=B)])
    assert (await state(store), await state(store, B)) == ((2, b"2"), None)
    assert calls.asked["commit"] == 7


async def test_what_a_lost_answer_taught_serves_the_next_commit(store: FirestoreStore, calls: FailingCalls) -> None:
    calls.commits.append(unanswered(StatusCode.UNAVAILABLE))
    await store.commit([Create(path=A, body=b"1")])
    before = dict(calls.asked)
    await store.commit([Put(path=A, body=b"2", if_rev=1)])
    assert calls.asked == {**before, "commit": before["commit"] + 1}


async def test_a_commit_that_was_applied_late_is_recognised_when_the_next_try_is_refused(
    store: FirestoreStore, calls: FailingCalls
) -> None:
    calls.commits.extend([refused(DEADLINE), doubled])
    await store.commit([Create(path=A, body=b"1")])
    calls.commits.extend([refused(DEADLINE), doubled])
    await store.commit([Put(path=A, body=b"2", if_rev=1)])
    assert await state(store) == (2, b"2")


@pytest.mark.parametrize("others", [1, 7])
async def test_a_commit_that_was_applied_is_recognised_below_those_that_others_wrote_on_top(
    store: FirestoreStore, calls: FailingCalls, rival: FirestoreStore, others: int
) -> None:
    async def overwrite() -> None:
        for rev in range(2, 2 + others):
            await rival.commit([Put(path=A, body=b"rival", if_rev=rev)])

    await store.commit([Create(path=A, body=b"1")])
    calls.commits.append(unanswered(DEADLINE, overwrite))
    await store.commit([Put(path=A, body=b"2", if_rev=1)])
    assert await state(store) == (2 + others, b"rival")


async def test_a_commit_that_was_not_applied_before_somebody_else_wrote_is_a_conflict(
    store: FirestoreStore, calls: FailingCalls, rival: FirestoreStore
) -> None:
    await store.commit([Create(path=A, body=b"1")])
    calls.commits.append(after(committing(rival, Put(path=A, body=b"rival", if_rev=1)), DEADLINE))
    with pytest.raises(Conflict) as refusal:
        await store.commit([Create(path=B, body=b""), Put(path=A, body=b"2", if_rev=1)])
    assert refusal.value.document == A
    assert (await state(store), await state(store, B)) == ((2, b"rival"), None)


async def test_where_too_many_wrote_on_top_the_other_documents_of_the_commit_tell(
    store: FirestoreStore, calls: FailingCalls, rival: FirestoreStore
) -> None:
    async def overwrite() -> None:
        await rival.commit([Put(path=A, body=b"rival")])

    await store.commit([Create(path=A, body=b"1")])
    calls.commits.append(unanswered(DEADLINE, overwrite))
    await store.commit([Put(path=A, body=b"2", if_rev=1), Create(path=B, body=b"")])
    assert await state(store) == (3, b"rival")


@pytest.mark.parametrize("applied", [True, False])
async def test_where_nothing_tells_it_is_said_that_it_may_have_been_applied(
    store: FirestoreStore, calls: FailingCalls, rival: FirestoreStore, *, applied: bool
) -> None:
    async def overwrite() -> None:
        await rival.commit([Put(path=A, body=b"rival")])
        await rival.commit([Put(path=A, body=b"rival")])

    await store.commit([Create(path=A, body=b"1")])
    calls.commits.append(unanswered(DEADLINE, overwrite) if applied else after(overwrite, DEADLINE))
    with pytest.raises(Unavailable, match=PERHAPS):
        await store.commit([Put(path=A, body=b"2", if_rev=1)])


async def test_a_deletion_on_a_condition_that_was_not_answered_is_not_taken_for_ones_own(
    store: FirestoreStore, calls: FailingCalls
) -> None:
    await store.commit([Create(path=A, body=b"1")])
    calls.commits.append(unanswered(DEADLINE))
    with pytest.raises(Unavailable, match=PERHAPS):
        await store.commit([Delete(path=A, if_rev=1)])
    assert await state(store) is None


async def test_a_database_that_stays_silent_is_unavailable_in_the_end_and_says_that_it_may_have_been_applied(
    database: Database,
) -> None:
    async with failing_store(database, IMPATIENT) as (store, calls):
        calls.commits.extend([refused(StatusCode.UNAVAILABLE)] * 500)
        calls.reads.extend([refused(StatusCode.UNAVAILABLE)] * 500)
        with pytest.raises(Unavailable, match=rf"cannot be reached.*{PERHAPS}"):
            await store.commit([Create(path=A, body=b"1")])
        assert 1 <= calls.asked["commit"] < 100


async def test_a_commit_is_carried_on_when_its_caller_has_gone(
    store: FirestoreStore, calls: FailingCalls, rival: FirestoreStore
) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        asked.set()
        await gone.wait()

    calls.commits.append(after(wait, StatusCode.UNAVAILABLE))
    caller = asyncio.create_task(store.commit([Create(path=A, body=b"1")]))
    await asked.wait()
    caller.cancel()
    await asyncio.wait([caller])
    gone.set()
    await store.close()
    assert await state(rival) == (1, b"1")


# ------------------------------------------------------------------ what is known not to have been applied


async def test_contention_is_waited_out(store: FirestoreStore, calls: FailingCalls) -> None:
    calls.commits.extend([refused(StatusCode.ABORTED)] * 2)
    await store.commit([Create(path=A, body=b"1")])
    assert await state(store) == (1, b"1")
    assert calls.asked == {"commit": 3, "get": 1}


@pytest.mark.parametrize(
    ("code", "said"), [(StatusCode.ABORTED, "same documents"), (StatusCode.RESOURCE_EXHAUSTED, "quota")]
)
async def test_what_does_not_pass_in_time_is_unavailable_and_says_why(
    database: Database, code: StatusCode, said: str
) -> None:
    async with failing_store(database, IMPATIENT) as (store, calls):
        calls.commits.extend([refused(code, "Quota exceeded for projects/secret")] * 500)
        with pytest.raises(Unavailable, match=said) as error:
            await store.commit([Create(path=A, body=b"1")])
        assert "secret" not in str(error.value)
        assert PERHAPS not in str(error.value)
        assert calls.asked["commit"] > 1


async def test_a_lost_right_to_write_is_said_at_once(store: FirestoreStore, calls: FailingCalls) -> None:
    calls.commits.append(refused(StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions."))
    with pytest.raises(Unavailable, match=r"roles/datastore\.user"):
        await store.commit([Create(path=A, body=b"1")])
    assert calls.asked == {"commit": 1}


async def test_a_commit_that_no_request_can_hold_is_refused_with_its_size(
    store: FirestoreStore, calls: FailingCalls
) -> None:
    with pytest.raises(PayloadTooLarge, match=r"4,50\d,\d{3} bytes; Firestore takes 4,194,304"):
        await store.commit([Create(path=f"{A}{n}", body=b"x" * 900_000) for n in range(5)])
    assert not calls.asked


# ------------------------------------------------------------------ revs and times of update


async def test_a_put_after_a_read_or_a_write_is_one_call(store: FirestoreStore, calls: FailingCalls) -> None:
    await store.commit([Create(path=A, body=b"1"), Put(path=B, body=b"1")])
    await store.commit([Put(path=A, body=b"2", if_rev=1), Put(path=B, body=b"2", if_rev=1)])
    assert calls.asked == {"commit": 2}


async def test_a_put_on_a_rev_that_was_not_read_here_reads_it(
    store: FirestoreStore, calls: FailingCalls, rival: FirestoreStore
) -> None:
    await rival.commit([Create(path=A, body=b"1")])
    await store.commit([Put(path=A, body=b"2", if_rev=1)])
    assert calls.asked == {"batch get": 1, "commit": 1}
    assert await state(store) == (2, b"2")


async def test_a_document_that_came_back_to_the_same_rev_elsewhere_costs_a_read_and_is_written(
    store: FirestoreStore, calls: FailingCalls, rival: FirestoreStore
) -> None:
    await store.commit([Create(path=A, body=b"1")])
    await rival.commit([Delete(path=A)])
    await rival.commit([Create(path=A, body=b"other")])
    await store.commit([Put(path=A, body=b"2", if_rev=1)])
    assert calls.asked == {"commit": 3, "batch get": 1}
    assert await state(store) == (2, b"2")


async def test_a_conflict_with_another_process_names_the_first_document(
    store: FirestoreStore, rival: FirestoreStore
) -> None:
    await store.commit([Create(path=A, body=b"1"), Create(path=B, body=b"1")])
    await rival.commit([Put(path=A, body=b"rival", if_rev=1), Put(path=B, body=b"rival", if_rev=1)])
    with pytest.raises(Conflict) as refusal:
        await store.commit([Create(path=f"{A}2", body=b""), Put(path=B, body=b"2", if_rev=1), Create(path=A, body=b"")])
    assert refusal.value.document == B


async def test_two_processes_that_raise_one_rev_never_both_succeed(
    store: FirestoreStore, rival: FirestoreStore
) -> None:
    await store.commit([Create(path=A, body=b"")])
    rev = 1
    for _ in range(10):
        commits = [[Put(path=A, body=b"", if_rev=rev)]]
        ours, theirs = await asyncio.gather(outcomes(store, commits), outcomes(rival, commits))
        assert sorted(type(each).__name__ for each in (*ours, *theirs)) == ["Conflict", "NoneType"]
        rev += 1
    assert await state(store) == (rev, b"")
