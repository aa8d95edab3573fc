"""Definitions of many steps are checked beside the event loop."""

import threading
from typing import Any

import pytest

from engine.domain.errors import Problem
from engine.domain.validation import validate_definition
from engine.usecases import checked_definition, edit_execution
from tests.api.client import Api


def chained(count: int) -> dict[str, Any]:
    """Each step needs all before it."""
    steps = [
        {"id": f"s{at}", "kind": "transform", "needs": [f"s{one}" for one in range(at)], "with": {"value": 1}}
        for at in range(count)
    ]
    return {"name": "chained", "steps": steps}


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Those that validated, one for each time."""
    seen: list[int] = []

    def seeing(*given: Any) -> list[Problem]:
        seen.append(threading.get_ident())
        return validate_definition(*given)

    for module in (checked_definition, edit_execution):
        monkeypatch.setattr(module, "validate_definition", seeing)
    return seen


VALIDATE = "query($d: JSON!) { validateWorkflow(definition: $d) { valid } }"


async def test_large_definitions_are_checked_in_a_thread_and_small_ones_are_not(api: Api, threads: list[int]) -> None:
    here = threading.get_ident()
    assert await api.data(VALIDATE, d=chained(3)) == {"validateWorkflow": {"valid": True}}
    assert threads == [here]
    assert await api.data(VALIDATE, d=chained(100)) == {"validateWorkflow": {"valid": True}}
    await api.create(chained(100))
    assert (await api.mutate("updateWorkflow", {"name": "chained", "definition": chained(101)}))["errors"] == []
    assert len(threads) == 4
    assert here not in threads[1:]


async def test_a_live_edit_of_a_large_definition_is_checked_in_a_thread(api: Api, threads: list[int]) -> None:
    first = {"id": "first", "kind": "signal", "with": {"name": "go"}}
    large = chained(100)
    for step in large["steps"]:
        step["needs"].append("first")
    await api.create({**large, "steps": [first, *large["steps"]]})
    execution_id = await api.start("chained")
    threads.clear()
    edit = {"action": "UPDATE", "stepId": "s5", "definition": {"with": {"value": 2}}}
    edits = {"id": execution_id, "expectedRevision": 1, "edits": [edit]}
    assert (await api.mutate("editExecution", edits))["errors"] == []
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_a_long_text_is_read_in_a_thread(api: Api, threads: list[int]) -> None:
    text = "name: a\nsteps:\n" + "".join(
        f"- {{id: s{at}, kind: transform, with: {{value: {'1' * 15}}}}}\n" for at in range(400)
    )
    assert await api.data(VALIDATE, d=text) == {"validateWorkflow": {"valid": True}}
    assert threads
    assert threading.get_ident() not in threads


async def test_what_is_over_a_limit_is_refused_before_it_is_validated(api: Api, threads: list[int]) -> None:
    definition = {**chained(1), "description": "x" * 2**20}
    query = VALIDATE.replace("valid }", "valid problems { message path } }")
    report = (await api.data(query, d=definition))["validateWorkflow"]
    (problem,) = report["problems"]
    assert problem["path"] == ["definition"]
    assert "and the limit is 1,048,576" in problem["message"]
    assert threads == []


async def test_many_checks_of_one_definition_cost_what_it_holds(api: Api, threads: list[int]) -> None:
    fields = " ".join(f"a{at}: validateWorkflow(definition: $d) {{ valid }}" for at in range(20))
    error = await api.error(f"query($d: JSON!) {{ {fields} }}", d=chained(300))
    assert error["extensions"]["code"] == "COST_LIMIT_EXCEEDED"
    assert threads == []
