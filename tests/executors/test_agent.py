"""The loop of an agent: rounds, answers, interrupts, crashes, limits."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import interrupt

from engine.domain.failure import Budget
from engine.domain.waiting import WaitKind
from engine.executors.port import Answer, BudgetReached, Done, Suspended
from tests.executors.scripted_agent import SEARCH_THEN_ANSWER, agent, failure_of, step
from tests.patience import PATIENCE_SECONDS


async def test_a_tool_is_called_and_its_result_leads_to_the_answer() -> None:
    async def search(query: str) -> list[str]:
        return [f"{query} in stock"]

    context = step(tools=["search"])

    assert await agent(SEARCH_THEN_ANSWER, search).run(context) == Done('Found: ["pumps in stock"]')

    (called,), (returned,) = context.tools_called, context.tools_returned
    assert (called.tool, called.arguments) == ("search", {"query": "pumps"})
    assert (returned.call_id, returned.result) == (called.call_id, ["pumps in stock"])
    assert context.usage.model_calls == 2
    assert context.text.startswith("Let me look.")


async def test_every_round_is_a_child_step_run() -> None:
    def search(query: str) -> str:
        return query

    context = step(tools=["search"])
    await agent(SEARCH_THEN_ANSWER, search).run(context)

    assert [(child.step_id, child.outcome) for child in context.children] == [
        ("agent.round", "succeeded"),
        ("agent.round[2]", "succeeded"),
    ]
    assert context.children[0].output["tool_calls"][0]["name"] == "search"
    assert context.children[1].output["text"] == "Found: pumps"


async def test_several_tools_of_one_round_run_at_the_same_time() -> None:
    met = asyncio.Barrier(2)

    async def left() -> str:
        await met.wait()
        return "l"

    async def right() -> str:
        await met.wait()
        return "r"

    script = """
models:
  helper:
    replies:
      - {when: {call: 1}, tool_calls: [{name: left}, {name: right}]}
      - {reply: done}
"""
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await agent(script, left, right).run(step(tools=["left", "right"])) == Done("done")


async def test_an_agent_without_an_answer_ends_after_max_rounds_and_calls_no_further_tool() -> None:
    calls = 0

    def search() -> str:
        nonlocal calls
        calls += 1
        return "more"

    script = "models: {helper: {replies: [{tool_calls: [{name: search}]}]}}"
    failure = await failure_of(agent(script, search), step(tools=["search"], max_rounds=3))

    assert (failure.code, failure.retryable) == ("max_rounds_reached", False)
    assert calls == 2


class NotifyingSaver(InMemorySaver):
    """Tells when the result of a tool is kept. Strict about types, as the engine's own checkpointer is."""

    def __init__(self) -> None:
        super().__init__(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self.tool_result = asyncio.Event()

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await super().aput_writes(config, writes, task_id, task_path)
        if any(
            isinstance(message, ToolMessage) for channel, value in writes if channel == "messages" for message in value
        ):
            self.tool_result.set()


async def test_after_a_crash_neither_a_reply_nor_a_finished_tool_call_is_repeated() -> None:
    done: list[str] = []
    crashed = asyncio.Event()

    async def first() -> str:
        done.append("first")
        return "1"

    async def second() -> str:
        await crashed.wait()
        done.append("second")
        return "2"

    script = """
models:
  helper:
    replies:
      - {when: {call: 1}, tool_calls: [{name: first}, {name: second}]}
      - {reply: "ready"}
"""
    executor = agent(script, first, second)
    before = step(tools=["first", "second"])
    before.checkpointer = saver = NotifyingSaver()
    running = asyncio.create_task(executor.run(before))
    await saver.tool_result.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    crashed.set()

    after = before.again()
    assert await executor.run(after) == Done("ready")
    assert done == ["first", "second"]
    assert after.usage.model_calls == 1


async def test_a_tool_that_was_lost_beside_one_that_asks_is_run_again_without_an_answer() -> None:
    asked, crashed = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def ask() -> Any:
        asked.set()
        return interrupt("?")

    async def work() -> str:
        await crashed.wait()
        done.append("work")
        return "worked"

    script = """
models:
  helper:
    replies:
      - {when: {call: 1}, tool_calls: [{name: ask}, {name: work}]}
      - {reply: "ready"}
"""
    executor = agent(script, ask, work)
    before = step(tools=["ask", "work"])
    running = asyncio.create_task(executor.run(before))
    await asked.wait()
    await asyncio.sleep(0.02)  # the interrupt is on its way to the checkpoint
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    crashed.set()

    after = before.again()
    suspended = await executor.run(after)
    assert isinstance(suspended, Suspended)
    assert done == ["work"]
    last = before.again(answers=[Answer(suspended.waits[0].interrupt_id, "yes")])
    assert await executor.run(last) == Done("ready")
    assert done == ["work"]


async def test_a_later_attempt_goes_on_where_the_failed_one_stopped() -> None:
    script = """
models:
  helper:
    replies:
      - {when: {call: 1}, tool_calls: [{name: search}]}
      - {when: {attempts: [1]}, error: {status: 500}}
      - {reply: "{{ tool_result }}"}
"""

    def search() -> str:
        return "found"

    executor = agent(script, search)
    first = step(tools=["search"])
    assert (await failure_of(executor, first)).code == "model_unavailable"
    assert [child.outcome for child in first.children] == ["succeeded", "failed"]

    second = first.again(attempt=2)
    assert await executor.run(second) == Done("found")
    assert second.usage.model_calls == 1


async def test_a_tool_that_asks_people_suspends_the_step_and_gets_the_answer() -> None:
    def search(query: str) -> str:
        return f"{query}: {interrupt({'prompt': 'Really?', 'schema': {'type': 'boolean'}})}"

    executor = agent(SEARCH_THEN_ANSWER, search)
    before = step(tools=["search"])
    suspended = await executor.run(before)

    assert isinstance(suspended, Suspended)
    (wait,) = suspended.waits
    assert (wait.kind, wait.prompt, wait.schema) == (WaitKind.INTERRUPT, "Really?", {"type": "boolean"})
    assert not before.tools_returned

    after = before.again(answers=[Answer(wait.interrupt_id, value=True)])
    assert await executor.run(after) == Done("Found: pumps: True")
    assert after.usage.model_calls == 1


async def test_a_step_that_is_run_again_without_an_answer_waits_as_before() -> None:
    def search(query: str) -> Any:
        return interrupt(query)

    executor = agent(SEARCH_THEN_ANSWER, search)
    before = step(tools=["search"])
    suspended = await executor.run(before)

    again = before.again()
    assert await executor.run(again) == suspended
    assert not again.tools_called


async def test_two_tools_that_ask_are_answered_apart_and_a_finished_one_is_not_run_again() -> None:
    ran: list[str] = []

    def ask(name: str) -> Any:
        ran.append(name)
        return interrupt(name)

    script = """
models:
  helper:
    replies:
      - {when: {call: 1}, tool_calls: [{name: ask, args: {name: a}}, {name: ask, args: {name: b}}]}
      - {reply: done}
"""
    executor = agent(script, ask)
    context = step(tools=["ask"])
    suspended = await executor.run(context)
    assert isinstance(suspended, Suspended)
    by_prompt = {wait.prompt: wait.interrupt_id for wait in suspended.waits}
    assert by_prompt.keys() == {"a", "b"}

    answers = [Answer(by_prompt["a"], "yes")]
    half = await executor.run(context.again(answers=answers))
    assert isinstance(half, Suspended)
    assert [wait.prompt for wait in half.waits] == ["b"]

    ran.clear()
    answers.append(Answer(by_prompt["b"], "no"))
    last = context.again(answers=answers)
    assert await executor.run(last) == Done("done")
    assert ran == ["b"]


async def test_a_finished_agent_that_is_run_again_gives_the_same_answer_without_a_call() -> None:
    executor = agent("models: {helper: {replies: [{reply: hello}]}}")
    before = step()
    assert await executor.run(before) == Done("hello")
    after = before.again()
    assert await executor.run(after) == Done("hello")
    assert not after.calls


async def test_an_answer_with_a_schema_is_given_by_a_tool_and_repaired_when_it_breaks_it() -> None:
    script = """
models:
  helper:
    replies:
      - {when: {call: 1}, reply: It is four.}
      - {when: {call: 2}, tool_calls: [{name: final_answer, args: {count: four}}]}
      - {tool_calls: [{name: final_answer, args: {count: 4}}]}
"""
    schema = {"type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}}}
    context = step(output_schema=schema)
    assert await agent(script).run(context) == Done({"count": 4})
    assert context.usage.model_calls == 3


async def test_an_answer_that_is_no_object_is_unwrapped() -> None:
    script = "models: {helper: {replies: [{tool_calls: [{name: final_answer, args: {value: [a, b]}}]}]}}"
    schema = {"type": "array", "items": {"type": "string"}}
    assert await agent(script).run(step(output_schema=schema)) == Done(["a", "b"])


async def test_a_budget_that_does_not_cover_a_round_lets_the_step_start_again_later() -> None:
    def search(query: str) -> str:
        return query

    executor = agent(SEARCH_THEN_ANSWER, search)
    context = step(tools=["search"])
    context.budget = Budget(max_model_calls=1)
    with pytest.raises(BudgetReached):
        await executor.run(context)
    assert context.children[-1].outcome == "failed"

    more = context.again()
    more.budget = Budget()
    assert await executor.run(more) == Done("Found: pumps")
    assert more.usage.model_calls == 1


async def test_secrets_of_the_prompt_reach_the_model_and_no_checkpoint() -> None:
    async def reveal(value: Any) -> Any:
        return {**value, "prompt": "s3cret"} if isinstance(value, dict) and "prompt" in value else value

    context = step(prompt="${ secrets.key }")
    context.revealed = reveal
    assert await agent("models: {helper: {replies: [{reply: 'got {{ prompt | count_words }}'}]}}").run(context)
    saved = [entry async for entry in context.checkpointer.alist(None)]
    assert saved
    assert "s3cret" not in repr(saved)
