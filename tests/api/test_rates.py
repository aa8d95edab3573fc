"""How often one may ask. Time is moved on by hand."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engine.domain.ids import TenantId
from engine.usecases.caller import Caller, Role
from graphql_api.admission.rates import Buckets, Rate, Rates
from graphql_api.transports.refusal import RequestRefused
from tests.api.holders import Holders, bearer
from tests.api.probe import probe_app
from tests.api.roles import RoleRuntime, code, only_error
from tests.api.serving import served
from tests.api.socket_client import connected

QUERY = {"query": "{ number }"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(buckets: Buckets, times: int, who: object = "someone") -> int:
    done = 0
    for _ in range(times):
        try:
            buckets.take(who)
        except RequestRefused:
            continue
        done += 1
    return done


def test_a_bucket_holds_its_requests_and_fills_evenly(clock: Clock) -> None:
    buckets = Buckets("editor", Rate(10, 60), clock)
    assert taken(buckets, 100) == 10
    clock.now += 6.01
    assert taken(buckets, 100) == 1
    clock.now += 30.01
    assert taken(buckets, 100) == 5
    clock.now += 100_000
    assert taken(buckets, 100) == 10


def test_asking_in_vain_does_not_lengthen_the_wait(clock: Clock) -> None:
    buckets = Buckets("editor", Rate(1, 10), clock)
    assert taken(buckets, 1_000) == 1
    clock.now += 10.01
    assert taken(buckets, 1) == 1


def test_everybody_has_a_bucket_of_their_own(clock: Clock) -> None:
    rates = Rates({Role.EDITOR: Rate(1, 1)}, clock=clock)
    for tenant in ("acme", "globex"):
        for name in ("a", "b"):
            caller = Caller(tenant=TenantId(tenant), principal=name, role=Role.EDITOR)
            assert rates.take(caller)
            with pytest.raises(RequestRefused):
                rates.take(caller)


def test_those_whose_role_has_no_rate_are_not_counted(clock: Clock) -> None:
    rates = Rates({Role.VIEWER: Rate(1, 1)}, clock=clock)
    caller = Caller(tenant=TenantId("acme"), principal="a", role=Role.EDITOR)
    assert [rates.take(caller) for _ in range(5)] == [{}] * 5


def test_who_was_not_seen_for_longest_is_forgotten(clock: Clock) -> None:
    buckets = Buckets("anonymous", Rate(1, 3_600), clock)
    for number in range(25_000):
        buckets.take(number)
    assert len(buckets._emptiness) == 10_000


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    rates = Rates({Role.EDITOR: Rate(3, 60)}, clock=clock)
    transport = httpx.ASGITransport(probe_app(RoleRuntime(local=False), rates=rates))
    async with httpx.AsyncClient(transport=transport, base_url="http://weft.example") as client:
        client.headers["authorization"] = "editor"
        yield client


async def test_clients_are_told_how_much_is_left_and_when_to_come_back(client: httpx.AsyncClient, clock: Clock) -> None:
    seen = [(await client.post("/graphql", json=QUERY)).headers for _ in range(3)]
    assert [each["ratelimit"] for each in seen] == ['"editor";r=2;t=20', '"editor";r=1;t=40', '"editor";r=0;t=60']
    assert {each["ratelimit-policy"] for each in seen} == {'"editor";q=3;w=60'}
    refused = await client.post("/graphql", json=QUERY)
    assert (refused.status_code, code(refused)) == (429, "RATE_LIMITED")
    assert refused.headers["retry-after"] == "20"
    assert refused.headers["ratelimit"] == '"editor";r=0;t=60'
    assert only_error(refused)["extensions"]["retryAfterSeconds"] == 20
    clock.now += int(refused.headers["retry-after"])
    assert (await client.post("/graphql", json=QUERY)).status_code == 200


STREAM = {"accept": "text/event-stream"}
PARTS = {"accept": 'multipart/mixed;subscriptionSpec="1.0"'}
COUNT = {"query": "subscription { count(to: 1) }"}
ANSWERS: dict[str, tuple[int, dict[str, Any]]] = {
    "a query as events": (200, {"json": QUERY, "headers": STREAM}),
    "a subscription": (200, {"json": COUNT, "headers": STREAM}),
    "a subscription in parts": (200, {"json": COUNT, "headers": PARTS}),
    "no JSON": (400, {"content": b"{", "headers": {"content-type": "application/json"}}),
    "no document": (200, {"json": {"query": "{"}}),
    "no document, as events": (200, {"json": {"query": "{"}, "headers": STREAM}),
    "another type": (415, {"content": b"{"}),
    "a type that there is not": (406, {"json": QUERY, "headers": {"accept": "image/png"}}),
    "a subscription as JSON": (406, {"json": COUNT, "headers": {"accept": "application/json"}}),
    "too much": (413, {"content": b" " * 9_000_000, "headers": {"content-type": "application/json"}}),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer_to_a_known_caller_tells_how_much_is_left(client: httpx.AsyncClient, name: str) -> None:
    status, request = ANSWERS[name]
    response = await client.post("/graphql", **request)
    assert response.status_code == status
    assert response.headers.get_list("ratelimit-policy") == ['"editor";q=3;w=60']
    (left,) = response.headers.get_list("ratelimit")
    assert left == ('"editor";r=0;t=60' if name.startswith("no document") else '"editor";r=2;t=20')


async def test_a_mutation_by_get_is_told_how_much_is_left(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": "mutation { bump }"})
    assert response.status_code == 405
    assert response.headers["ratelimit"] == '"editor";r=2;t=20'


REFUSED: list[tuple[dict[str, Any], int]] = [
    (QUERY, 1),
    ({"query": "{ broken }"}, 1),
    ({"query": "{"}, 10),
    ({"query": "{ nothing }"}, 10),
    ({"query": "query($v: Int) { number(value: $v) }", "variables": {"v": "x"}}, 10),
    ({"query": "query A { number } query B { number }"}, 10),
    ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}, 1),
    ({"documentId": "unknown"}, 1),
]


@pytest.mark.parametrize(("given", "counted"), REFUSED)
async def test_what_is_refused_before_it_is_executed_counts_ten_times(
    clock: Clock, given: dict[str, Any], counted: int
) -> None:
    rates = Rates({Role.ADMIN: Rate(60, 60)}, clock=clock)
    transport = httpx.ASGITransport(probe_app(RoleRuntime(local=False), rates=rates))
    async with httpx.AsyncClient(transport=transport, base_url="http://weft.example") as client:
        for times in (1, 2):
            response = await client.post("/graphql", json=given)
            assert response.headers["ratelimit"] == f'"admin";r={60 - times * counted};t={times * counted}'


def test_a_bucket_is_never_more_than_empty(clock: Clock) -> None:
    buckets = Buckets("editor", Rate(5, 10), clock)
    buckets.take("someone")
    assert buckets.take_more("someone", 1_000)["ratelimit"] == '"editor";r=0;t=10'
    assert taken(buckets, 1) == 0
    clock.now += 2.01
    assert taken(buckets, 5) == 1


async def test_a_body_is_not_read_for_those_who_ask_too_often(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.post("/graphql", content=b"not json", headers={"content-type": "application/json"})
    assert (await client.post("/graphql", content=b"not json")).status_code == 429


async def test_operations_of_a_socket_count_too_and_are_refused_one_by_one(clock: Clock) -> None:
    rates = Rates({Role.ADMIN: Rate(2, 60)}, clock=clock)
    async with served(probe_app(RoleRuntime(local=False), rates=rates)) as address, connected(address) as socket:
        await socket.begin()
        types = []
        for number in range(3):
            await socket.send("subscribe", id=str(number), payload=QUERY)
            types.append((await socket.receive())["type"])
            if types[-1] == "next":
                await socket.receive()
        assert types == ["next", "next", "error"]
        assert await socket.answers(), "the socket stays open"


async def test_a_flood_of_strangers_is_refused_and_those_who_are_known_are_not(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    holders = Holders(tmp_path_factory.mktemp("tokens"))
    rates = Rates(failed_logins=Rate(5, 60))
    async with served(probe_app(holders.runtime, rates=rates)) as address, httpx.AsyncClient() as client:
        url = f"http://{address}/graphql"
        answers = [await client.post(url, json=QUERY, headers=bearer("wrong")) for _ in range(8)]
        assert [each.status_code for each in answers] == [401] * 5 + [429] * 3
        assert {each.headers.get("connection") for each in answers[5:]} == {"close"}
        assert all("retry-after" in each.headers for each in answers[5:])
        assert (await client.post(url, json=QUERY, headers=bearer(holders.admin))).status_code == 200


def test_an_address_of_ipv6_stands_for_its_network(clock: Clock) -> None:
    rates = Rates(failed_logins=Rate(1, 60), clock=clock)
    rates.take_stranger("2001:db8::1")
    with pytest.raises(RequestRefused):
        rates.take_stranger("2001:db8::2")
    rates.take_stranger("2001:db8:0:1::1")
    rates.take_stranger("10.0.0.1")
    rates.take_stranger("10.0.0.2")
    rates.take_stranger(None)
