"""Reads on Firestore that fail, and the server's clock."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from grpc import StatusCode  # type: ignore[import-untyped]  # grpcio ships no types

from engine.domain.errors import BadRequest, PayloadTooLarge, Unavailable, WeftError
from engine.storage.firestore.messages import Message
from engine.storage.firestore.store import FirestoreStore
from engine.storage.port import Create, FieldValue, Filter, Op, Order
from tests.contracts.failing_calls import CarryOut, FailingCalls, refused
from tests.contracts.firestore_stores import IMPATIENT, failing_store, new_database
from tests.emulators import Emulators

EXECUTIONS = "tenants/t/executions"
A = f"{EXECUTIONS}/a"
RUNNING = (Filter("status", Op.EQ, "RUNNING"),)
NEWEST = (Order("created_at", descending=True),)
LINK = "The query requires an index. You can create it here: https://console.firebase.google.com/project/secret"

Read = Callable[[FirestoreStore], Awaitable[object]]
READS: dict[str, Read] = {
    "get": lambda store: store.get(A),
    "get many": lambda store: store.get_many([A]),
    "query": lambda store: store.query(EXECUTIONS, filters=RUNNING, order=NEWEST, limit=1),
    "count": lambda store: store.count(EXECUTIONS, filters=RUNNING),
    "now": lambda store: store.now(),
}


@pytest.fixture
async def opened(emulators: Emulators) -> AsyncIterator[tuple[FirestoreStore, FailingCalls]]:
    async with failing_store(new_database(emulators)) as both:
        await both[0].commit([Create(path=A, body=b"1", fields={"status": "RUNNING", "created_at": datetime.now(UTC)})])
        both[1].asked.clear()
        yield both


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.RESOURCE_EXHAUSTED])
async def test_a_read_that_fails_in_passing_is_tried_again(
    opened: tuple[FirestoreStore, FailingCalls], name: str, code: StatusCode
) -> None:
    store, calls = opened
    calls.reads.extend([refused(code), refused(code)])
    assert await READS[name](store)
    assert calls.asked.total() == 3


REFUSALS: dict[tuple[StatusCode, str], tuple[type[WeftError], str]] = {
    (StatusCode.UNAVAILABLE, "ipv4:10.0.0.1"): (Unavailable, "cannot be reached"),
    (StatusCode.DEADLINE_EXCEEDED, ""): (Unavailable, "did not answer in time"),
    (StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded for project secret"): (Unavailable, "quota"),
    (StatusCode.PERMISSION_DENIED, "Missing permissions on secret"): (Unavailable, r"roles/datastore\.user"),
    (StatusCode.NOT_FOUND, "The database secret does not exist"): (Unavailable, "does not exist"),
    (StatusCode.INVALID_ARGUMENT, "secret"): (BadRequest, "does not take"),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("answer", REFUSALS)
async def test_a_read_that_keeps_failing_says_why_and_no_internals(
    emulators: Emulators, name: str, answer: tuple[StatusCode, str]
) -> None:
    error, said = REFUSALS[answer]
    async with failing_store(new_database(emulators), IMPATIENT) as (store, calls):
        calls.reads.extend([refused(*answer)] * 500)
        with pytest.raises(error, match=said) as raised:
            await READS[name](store)
    assert "secret" not in str(raised.value)
    assert "10.0.0.1" not in str(raised.value)


@pytest.mark.parametrize("name", ["query", "count"])
async def test_a_missing_index_is_named_with_the_command_that_makes_it(
    opened: tuple[FirestoreStore, FailingCalls], name: str
) -> None:
    store, calls = opened
    calls.reads.append(refused(StatusCode.FAILED_PRECONDITION, LINK))
    with pytest.raises(Unavailable, match=r"lacks an index for executions by status.*run `weft provision`") as raised:
        await READS[name](store)
    assert "http" not in str(raised.value)
    assert calls.asked.total() == 1


async def test_an_index_that_is_being_built_is_said_to_take_a_while(
    opened: tuple[FirestoreStore, FailingCalls],
) -> None:
    store, calls = opened
    details = "The query requires an index. That index is currently building and cannot be used yet."
    calls.reads.append(refused(StatusCode.FAILED_PRECONDITION, details))
    with pytest.raises(Unavailable, match="still building"):
        await READS["query"](store)


async def test_many_large_documents_come_in_several_calls(opened: tuple[FirestoreStore, FailingCalls]) -> None:
    store, calls = opened
    paths = [f"{EXECUTIONS}/{n:03d}" for n in range(120)]
    for start in range(0, 120, 20):
        writes = [Create(path=path, body=path.encode() * 5_000) for path in paths[start : start + 20]]
        await store.commit(writes)
    calls.asked.clear()
    found = await store.get_many([*paths, "tenants/t/executions/none", *paths])
    assert [each.body[:24].decode() if each else None for each in found] == [*paths, None, *paths]
    assert calls.asked == {"batch get": 3}
    assert len(await store.query(EXECUTIONS, limit=200)) == 121


async def test_documents_with_names_that_firestore_reserves_are_refused(
    opened: tuple[FirestoreStore, FailingCalls],
) -> None:
    store, _ = opened
    for name in (".", "..", "__reserved__", "x" * 1501):
        with pytest.raises(BadRequest):
            await store.commit([Create(path=f"{EXECUTIONS}/{name}", body=b"")])


@pytest.mark.parametrize(
    "fields", [{"lane": "x" * 1_100_000}, {"labels": tuple(f"{n}={'x' * 500}" for n in range(2_500))}]
)
async def test_fields_that_make_a_document_too_large_are_refused(
    opened: tuple[FirestoreStore, FailingCalls], fields: dict[str, FieldValue]
) -> None:
    with pytest.raises(PayloadTooLarge):
        await opened[0].commit([Create(path=f"{EXECUTIONS}/b", body=b"", fields=fields)])


# ------------------------------------------------------------------ the server's clock


async def test_the_servers_clock_is_the_emulators(opened: tuple[FirestoreStore, FailingCalls]) -> None:
    now = await opened[0].now()
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=2)


async def test_this_machines_clock_has_no_part_in_it(opened: tuple[FirestoreStore, FailingCalls]) -> None:
    store, calls = opened

    async def five_minutes_ahead(carry_out: CarryOut) -> Message:
        answers = await carry_out()
        answers[0].read_time.seconds += 300
        return answers

    calls.reads.extend([five_minutes_ahead] * 3)
    assert abs(await store.now() - datetime.now(UTC) - timedelta(minutes=5)) < timedelta(seconds=2)
