"""What there is besides GraphQL: health, readiness, metrics."""

import httpx
from graphql import get_introspection_query

from graphql_api.app import create_app
from graphql_api.metrics import Gauge
from tests.api.client import Api
from tests.api.definitions import sums


async def test_a_process_that_answers_is_alive_even_without_its_store(api: Api) -> None:
    api.store.down = True
    assert (await api.get("/healthz")).status_code == 200


async def test_readiness_follows_the_store_and_says_what_is_wrong(api: Api) -> None:
    assert (await api.get("/readyz")).json()["status"] == "SERVING"
    api.store.down = True
    response = await api.get("/readyz")
    assert response.status_code == 503
    assert {"name": "store", "status": "NOT_SERVING", "message": "the disk is full"} in response.json()["checks"]


async def test_health_can_be_asked_while_the_store_is_down(api: Api) -> None:
    api.store.down = True
    health = (await api.data("{ health { status store bus version uptime checks { name status } } }"))["health"]
    assert (health["status"], health["store"], health["bus"]) == ("NOT_SERVING", "sqlite", "local")


async def test_metrics_count_operations_by_outcome(api: Api) -> None:
    await api.create(sums())
    await api.send("{ nothing }")
    response = await api.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'weft_graphql_operations_total{kind="mutation",outcome="ok"} 1\n' in response.text
    assert 'weft_graphql_operations_total{kind="request",outcome="refused"} 1\n' in response.text
    assert "weft_graphql_subscriptions 0\n" in response.text


async def test_everything_else_is_not_found_as_json(api: Api) -> None:
    response = await api.get("/nothing")
    assert response.status_code == 404
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_people_get_graphiql_and_a_word_about_being_offline(api: Api) -> None:
    page = await api._http.get("/graphql", headers={"accept": "text/html"})
    assert page.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert page.text.count("integrity=") == page.text.count("https://unpkg.com/")
    assert page.text.count('onerror="offline()"') == page.text.count("<script\n      crossorigin")


async def test_tools_can_read_the_schema(api: Api) -> None:
    from_tools = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    assert (await api.data(from_tools))["__schema"]["queryType"]["name"] == "Query"


async def test_a_process_that_only_works_answers_probes_and_shows_its_gauges(api: Api) -> None:
    gauges = [Gauge("weft_executions_driving", "Executions that this process drives.", lambda: 3)]
    app = create_app(api.runtime, graphql=False, gauges=gauges)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).json()["status"] == "SERVING"
        assert (await client.post("/graphql", json={"query": "{ __typename }"})).status_code == 404
        assert (
            "# TYPE weft_executions_driving gauge\nweft_executions_driving 3\n" in (await client.get("/metrics")).text
        )
