"""What a list costs does not grow with its length: related things are read together."""

import pytest

from tests.api.client import Api
from tests.api.definitions import sums


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
