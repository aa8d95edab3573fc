"""What a list costs does not grow with its length: related things are read together."""

import pytest

from tests.api.client import Api
from tests.api.definitions import sums
from tests.api.triggering import FROM_DATA, delivered, on_events, triggered


async def calls(api: Api, query: str) -> int:
    before = sum(api.store.calls.values())
    await api.data(query)
    return sum(api.store.calls.values()) - before


@pytest.mark.parametrize(
    "fields",
    [
        "workflow { name }",
        "version { number }",
        "workflow { name latestVersion { number } activeVersion { number } }",
        "progress { total }",
        "definition mermaid input output",
    ],
)
async def test_a_list_reads_related_things_together(api: Api, fields: str) -> None:
    for name in "abc":
        await api.create(sums(name))
        for n in range(2):
            await api.ended(await api.start(name, input={"n": n}))
    short, long = (f"{{ executions(first: {first}) {{ nodes {{ id {fields} }} }} }}" for first in (2, 6))
    await calls(api, long)
    assert await calls(api, long) == await calls(api, short)


async def test_inputs_and_outputs_of_steps_are_read_from_the_log_once(api: Api) -> None:
    steps = [{"id": f"s{n}", "kind": "transform", "with": {"value": n}} for n in range(10)]
    await api.create({"name": "many", "steps": steps})
    await api.ended(await api.start("many"))
    query = "{ executions { nodes { steps(first: %d) { nodes { stepId input output } } } } }"
    assert await calls(api, query % 10) == await calls(api, query % 2)


async def test_an_item_of_a_list_costs_no_read_of_its_own(api: Api) -> None:
    await api.create(sums())
    for n in range(5):
        await api.start("sums", input={"n": n})
    assert await calls(api, "{ executions { nodes { id status createdAt labels priority lane lastSeq } } }") == 1


async def with_triggers(api: Api) -> None:
    """Three of each kind, on workflows of their own, and each of those that take events with two executions."""
    for name in "abc":
        await api.create(sums(name))
        await triggered(api, f"{name}-daily", {"schedule": {"cron": "@daily"}}, workflow=name)
        await triggered(api, f"{name}-event", on_events("order.*"), workflow=name, inputMapping=FROM_DATA)
        for n in range(2):
            await delivered(api, f"{name}-event", {"n": n})


@pytest.mark.parametrize(
    "listing",
    [
        "executions(first: %d) { nodes { trigger { name workflow { name } } } }",
        "triggers(first: %d) { nodes { name config webhookUrl workflow { name } nextFireAt nextFireTimes } }",
        "triggers(kind: SCHEDULE, first: %d) { nodes { nextFireAt lastFiredAt workflow { name } } }",
        'trigger(name: "c-event") { deliveries(first: %d) { nodes { execution { id workflow { name } } event } } }',
    ],
)
async def test_a_list_of_triggers_reads_related_things_together(api: Api, listing: str) -> None:
    await with_triggers(api)
    short, long = (f"{{ {listing % first} }}" for first in (2, 6))
    await calls(api, long)
    assert await calls(api, long) == await calls(api, short)


async def test_only_those_deliveries_are_counted_whose_number_is_asked_for(api: Api) -> None:
    await with_triggers(api)
    for fields, counts in (("received", 1), ("started failed", 2), ("__typename", 0)):
        before = api.store.calls["count"]
        await api.data(f'{{ trigger(name: "a-event") {{ stats {{ {fields} }} }} }}')
        assert api.store.calls["count"] - before == counts
