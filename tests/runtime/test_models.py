"""Model calls, agents and graphs through a running engine, with the scripted provider."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.bootstrap import open_engine
from engine.domain.errors import ValidationFailed
from engine.domain.events import CheckpointSaved, StepOutputDelta, ToolCalled, ToolReturned
from engine.domain.failure import Budget
from engine.domain.status import ExecutionStatus
from engine.executors.script import parse_scripts
from engine.settings import Settings
from engine.usecases.complete_step import complete_step
from engine.usecases.resume_execution import resume_execution
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call
from tests.runtime.parts import CALLS

E = ExecutionStatus

SCRIPTS = """
models:
  short:
    usage: {input_tokens: 10, output_tokens: 5}
    replies:
      - reply: "one two three"
  tools:
    usage: {input_tokens: 10, output_tokens: 5}
    replies:
      - when: {call: 1}
        tool_calls: [{name: test_add, args: {a: 20, b: 22}}]
      - reply: "it is 42"
  chooser:
    usage: {input_tokens: 10, output_tokens: 5}
    replies:
      - when: {contains: refund}
        reply: {choice: "2"}
      - reply: {choice: "3"}
"""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    CALLS.clear()
    settings = Settings(data_dir=tmp_path, modules=("tests.runtime.parts",), secrets={"CRM": "hunter2-long"})
    async with open_engine(settings, scripts=parse_scripts(SCRIPTS)) as engine:
        yield Client(engine)


def llm(step_id: str) -> dict[str, object]:
    return {"id": step_id, "kind": "llm", "with": {"model": "scripted:short", "prompt": "Say ${ input.what }"}}


async def test_tokens_are_seen_live_and_usage_is_summed(client: Client) -> None:
    await client.define(llm("a"), llm("b"), output="${ steps.b.output }")
    execution_id = await client.start(input={"what": "it"})
    seen = [entry.event async for entry in client.watch(execution_id, ephemeral=True)]
    assert "one two three" in "".join(event.text for event in seen if isinstance(event, StepOutputDelta))
    view = await client.view(execution_id)
    assert view.state.output == "one two three"
    usage = view.state.usage
    assert (usage.input_tokens, usage.output_tokens, usage.model_calls) == (20, 10, 2)
    assert view.runs["a"].usage is not None
    assert view.runs["a"].usage.model_calls == 1


async def test_a_reached_budget_pauses_and_more_of_it_resumes(client: Client) -> None:
    await client.define(llm("a"), llm("b"), budget={"max_model_calls": 1})
    execution_id = await client.start(input={"what": "it"})
    view = await client.until(execution_id, E.PAUSED)
    assert view.state.usage.model_calls == 1
    more = Budget(max_model_calls=2)
    await resume_execution(client.services, client.caller, execution_id, reason=None, budget=more)
    view = await client.ended(execution_id)
    assert (view.state.status, view.state.usage.model_calls) == (E.SUCCEEDED, 2)
    assert view.runs["b"].attempt == 1


async def test_parallel_calls_do_not_exceed_the_budget_together(client: Client) -> None:
    steps = [{**llm(f"s{n}"), "needs": []} for n in range(5)]
    await client.define(*steps, budget={"max_model_calls": 3})
    execution_id = await client.start(input={"what": "it"})
    view = await client.until(execution_id, E.PAUSED)
    async for _ in client.watch(execution_id):
        view = await client.view(execution_id)
        if view.state.usage.model_calls == 3 and not any(run.status == "RUNNING" for run in view.runs.values()):
            break
    assert view.state.usage.model_calls == 3


async def test_a_budget_in_money_needs_a_price(client: Client) -> None:
    await client.define(llm("a"), budget={"max_cost_usd": 1.0})
    view = await client.run(input={"what": "it"})
    assert view.state.failure is not None
    assert view.state.failure.code == "model_price_unknown"


async def test_an_agent_calls_its_tools_and_answers(client: Client) -> None:
    agent = {"model": "scripted:tools", "prompt": "add", "tools": ["test.add"]}
    await client.define({"id": "a", "kind": "agent", "with": agent}, output="${ steps.a.output }")
    view = await client.run()
    assert view.state.output == "it is 42", view.state.failure
    events = await client.log(view.state.id)
    assert [event.tool for event in events if isinstance(event, ToolCalled)] == ["test.add"]
    assert [(event.result, event.failure) for event in events if isinstance(event, ToolReturned)] == [(42, None)]
    assert {"a.round", "a.round[2]"} <= (await client.statuses(view.state.id)).keys()


def choice(options: object, by: object) -> dict[str, object]:
    return {"id": "a", "kind": "decide", "with": {"choose": {"from": options, "by": by}}}


BY_CHOOSER = {"model": "scripted:chooser", "prompt": "Who takes ${ input.ticket }?"}


async def test_a_model_chooses_one_of_the_options_and_the_call_is_counted(client: Client) -> None:
    team = {"value": {"team": "${ input.team }"}, "description": "Handles ${ input.team }."}
    await client.define(choice([{"team": "bugs"}, team], BY_CHOOSER), output="${ steps.a.output.team }")
    view = await client.run(input={"ticket": "a refund", "team": "money"})
    assert (view.state.output, view.state.usage.model_calls) == ("money", 1), view.state.failure
    assert view.runs["a"].usage is not None
    assert view.runs["a"].usage.tokens == 15


async def test_a_choice_that_is_none_of_the_options_is_tried_again_and_then_fails(client: Client) -> None:
    await client.define({**choice([1, 2], BY_CHOOSER), "retry": {"max_attempts": 2, "initial": "1ms"}})
    view = await client.run(input={"ticket": "a bug"})
    assert view.state.failure is not None
    assert (view.state.failure.code, view.state.usage.model_calls) == ("output_schema_violation", 2)


async def test_options_and_models_that_an_expression_gives_are_checked_when_the_step_begins(client: Client) -> None:
    await client.define(choice("${ input.options }", "${ input.by }"), output="${ steps.a.output }")
    chosen = await client.run(input={"options": ["x", 1, None], "by": "scripted:chooser"})
    assert (chosen.state.status, chosen.state.output) == (E.SUCCEEDED, None), chosen.state.failure
    for wrong in ({"options": ["x"], "by": "scripted:chooser"}, {"options": ["x", "y"], "by": "learned"}):
        view = await client.run(input=wrong)
        assert view.state.failure is not None
        assert (view.state.failure.code, view.state.usage.model_calls) == ("invalid_with", 0)


async def test_what_is_wrong_with_a_choice_is_told_when_it_is_written(client: Client) -> None:
    wrong = choice(["${ steps.later.output }", 1], {"model": "scripted:chooser", "prompt": "${ inptu.x }"})
    cases = {"cases": [{"when": True, "value": "${ secrets.crm }"}]}
    learned = {**choice(["x", "y"], "learned"), "id": "c"}
    with pytest.raises(ValidationFailed) as raised:
        await client.define(wrong, {"id": "b", "kind": "decide", "with": cases}, learned)
    found = {".".join(problem.path): problem.message for problem in raised.value.problems}
    assert found.keys() == {
        "definition.steps.0.with.choose.from.0",
        "definition.steps.0.with.choose.by.prompt",
        "definition.steps.1.with.cases.0.value",
        "definition.steps.2.with.choose.by",
    }
    assert found["definition.steps.1.with.cases.0.value"] == "secrets cannot be used here"
    assert "learned choices are not part of this version" in found["definition.steps.2.with.choose.by"]


GRAPH = {
    "state": {"n": {"type": "integer"}, "notes": {"type": "array", "reduce": "append"}},
    "entry": "add",
    "input": {"n": "${ input.n }"},
    "output": "${ state }",
    "nodes": {
        "add": {
            "kind": "function",
            "with": {"call": "test.add", "args": {"a": "${ state.n }"}},
            "update": {"n": "${ output }", "notes": ["${ 'added ' + string(output) }"]},
        },
        "ask": {"kind": "approval", "with": {"prompt": "enough?"}, "update": {"notes": ["${ output }"]}},
    },
    "edges": [
        {"from": "add", "to": "ask", "when": "${ state.n >= 3 }"},
        {"from": "add", "to": "add"},
        {"from": "ask", "to": "END"},
    ],
}


async def test_a_graph_loops_asks_a_person_and_ends(client: Client) -> None:
    await client.define({"id": "g", "kind": "graph", "with": GRAPH}, output="${ steps.g.output }")
    execution_id = await client.start(input={"n": 0})
    view = await client.until(execution_id, E.WAITING)
    assert view.runs["g"].waits[0].prompt == "enough?"
    assert (await client.statuses(execution_id))["g.ask"] == "WAITING"
    await complete_step(
        client.services,
        client.caller,
        execution_id,
        "g.ask",
        interrupt_id=None,
        output="yes",
        failure=None,
        idempotency_key=None,
    )
    view = await client.ended(execution_id)
    assert view.state.output == {"n": 3, "notes": ["added 1", "added 2", "added 3", "yes"]}, view.state.failure
    assert len([name for name, _ in CALLS if name == "add"]) == 3
    statuses = await client.statuses(execution_id)
    assert {path: statuses[path] for path in ("g.add", "g.add[2]", "g.add[3]", "g.ask")} == dict.fromkeys(
        ("g.add", "g.add[2]", "g.add[3]", "g.ask"), "SUCCEEDED"
    )
    assert any(isinstance(event, CheckpointSaved) for event in await client.log(execution_id))
    await gone(client, f"tenants/local/executions/{execution_id}/checkpoints")


async def gone(client: Client, checkpoints: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await client.services.store.count(checkpoints):
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("number", [1, 2])
async def test_checkpoints_of_graphs_that_a_function_calls_are_told_and_dropped_in_the_end(
    client: Client, number: int
) -> None:
    await client.define(call("a", "calls_graph", {"number": number}), output="${ steps.a.output }")
    view = await client.run()
    assert view.state.output == [n + 1 for n in range(number)], view.state.failure
    assert any(isinstance(event, CheckpointSaved) for event in await client.log(view.state.id))
    await gone(client, f"tenants/local/executions/{view.state.id}/checkpoints")


async def test_a_secret_reaches_the_function_and_nothing_that_is_recorded(client: Client) -> None:
    await client.define(
        call("a", "echo", {"value": "token ${ secrets.crm } for ${ input.who }"}), output="${ steps.a.output }"
    )
    view = await client.run(input={"who": "${ secrets.crm }"})
    assert CALLS == [("echo", "token hunter2-long for ${ secrets.crm }")]
    assert view.state.output == "token [secret] for ${ secrets.crm }"
    assert "hunter2" not in str(await client.log(view.state.id))


async def test_data_that_looks_like_a_secret_is_data(client: Client) -> None:
    await client.define(call("a", "echo", {"value": "${ input.text }"}))
    await client.run(input={"text": "${ secrets.crm }"})
    assert CALLS == [("echo", "${ secrets.crm }")]


async def test_an_output_is_reused_under_an_equal_cache_key(client: Client) -> None:
    await client.define(
        call("a", "echo", {"value": "${ input }"}, cache_key="${ input.k }"), output="${ steps.a.output }"
    )
    first = await client.run(input={"k": 1, "x": "first"})
    second = await client.run(input={"k": 1, "x": "second"})
    third = await client.run(input={"k": 2, "x": "third"})
    assert [view.state.output["x"] for view in (first, second, third)] == ["first", "first", "third"]
