"""What scripted models say, and when."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import ValidationError

from engine.executors.script import parse_scripts, scripted_prices
from engine.executors.script_reading import BadPlaceholder, NothingScripted, words
from engine.executors.scripted import ScriptedChatModel


def model(replies: str, **options: Any) -> ScriptedChatModel:
    script = parse_scripts(f"models: {{it: {{replies: {replies}}}}}")["it"]
    return ScriptedChatModel(script=script, **options)


async def said(chat: ScriptedChatModel, *messages: BaseMessage) -> str:
    return str((await chat.ainvoke(list(messages))).text)


async def test_the_first_reply_whose_condition_holds_is_given() -> None:
    chat = model("[{when: {contains: Refund}, reply: billing}, {when: {system: pirate}, reply: Arr}, {reply: other}]")
    assert await said(chat, HumanMessage("a REFUND please")) == "billing"
    assert await said(chat, SystemMessage("You are a pirate"), HumanMessage("hi")) == "Arr"
    assert await said(chat, HumanMessage("hi")) == "other"


async def test_only_the_last_user_message_decides() -> None:
    chat = model("[{when: {contains: refund}, reply: billing}, {reply: other}]")
    assert await said(chat, HumanMessage("refund"), AIMessage("yes"), HumanMessage("thanks")) == "other"


async def test_the_place_in_the_conversation_is_counted_by_the_replies_in_it() -> None:
    chat = model("[{when: {call: 2}, reply: second}, {reply: first}]")
    for _ in range(2):
        assert await said(chat, HumanMessage("a")) == "first"
        assert await said(chat, HumanMessage("a"), AIMessage("first"), HumanMessage("b")) == "second"


async def test_a_result_of_a_named_tool_chooses_a_reply() -> None:
    chat = model('[{when: {after_tool: find}, reply: "got {{ tool_result }}"}, {tool_calls: [{name: find}]}]')
    first = await chat.ainvoke([HumanMessage("a")])
    assert [call["name"] for call in first.tool_calls] == ["find"]
    result = ToolMessage("gold", tool_call_id=first.tool_calls[0]["id"] or "", name="find")
    assert await said(chat, HumanMessage("a"), first, result) == "got gold"


async def test_a_reply_may_be_for_certain_attempts_alone() -> None:
    replies = "[{when: {attempts: [1, 2]}, error: {status: 503}}, {reply: at last}]"
    for attempt in (1, 2):
        with pytest.raises(Exception, match="503"):
            await said(model(replies, attempt=attempt), HumanMessage("a"))
    assert await said(model(replies, attempt=3), HumanMessage("a")) == "at last"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ prompt }}", "One two. Three four!\nFive"),
        ("{{prompt|words 2}}", "One two."),
        ("{{ prompt | sentences 2 }}", "One two. Three four!"),
        ("{{ prompt | lines 1 }}", "One two. Three four!"),
        ("{{ prompt | count_words }} words", "5 words"),
        ("{{ prompt | upper }}", "ONE TWO. THREE FOUR!\nFIVE"),
        ("{{ match.1 }}-{{ match.word }}", "two-Three"),
        ("{{ call }}{{ system }}", "1"),
    ],
)
async def test_replies_are_made_of_the_prompt(template: str, text: str) -> None:
    chat = model(f"[{{when: {{matches: 'One (\\w+)\\. (?P<word>\\w+)'}}, reply: '{template}'}}]")
    assert await said(chat, HumanMessage("One two. Three four!\nFive")) == text


async def test_an_object_is_given_as_json_with_its_strings_rendered() -> None:
    chat = model('[{reply: {title: "{{ prompt | words 1 }}", tags: [a, "{{ call }}"], n: 1}}]')
    assert await said(chat, HumanMessage('say "hi"')) == '{"title": "say", "tags": ["a", "1"], "n": 1}'


async def test_a_structured_request_is_parsed() -> None:
    chat = model("[{reply: {n: 4}}]").with_structured_output({"title": "x", "type": "object"})
    assert await chat.ainvoke("a") == {"n": 4}


async def test_tokens_are_words_and_the_usage_comes_last() -> None:
    chunks = [chunk async for chunk in model("[{reply: one two three}]").astream("what is it")]
    assert [chunk.text for chunk in chunks if chunk.text] == ["one ", "two ", "three"]
    usages = [chunk.usage_metadata for chunk in chunks if isinstance(chunk, AIMessageChunk) and chunk.usage_metadata]
    assert usages == [{"input_tokens": 3, "output_tokens": 3, "total_tokens": 6}]


async def test_usage_may_be_stated_for_the_model_and_for_a_reply() -> None:
    text = """
models:
  it:
    usage: {input_tokens: 100, output_tokens: 20}
    price: {input: 1, output: 2}
    replies: [{when: {contains: a}, reply: x, usage: {output_tokens: 7}}, {reply: y}]
"""
    scripts = parse_scripts(text)
    chat = ScriptedChatModel(script=scripts["it"])
    first, second = await chat.ainvoke("a"), await chat.ainvoke("b")
    assert first.usage_metadata == {"input_tokens": 100, "output_tokens": 7, "total_tokens": 107}
    assert second.usage_metadata == {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
    assert scripted_prices(scripts)["scripted:it"].output == 2


async def test_max_tokens_cuts_the_reply_and_says_so() -> None:
    reply = await model("[{reply: one two three}]", max_tokens=2).ainvoke("a")
    assert reply.text == "one two "
    assert reply.response_metadata["finish_reason"] == "length"
    assert reply.usage_metadata
    assert reply.usage_metadata["output_tokens"] == 2


async def test_a_delay_comes_before_the_first_token() -> None:
    chat = model("[{reply: one, delay: 1h}]")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await chat.ainvoke("a")


async def test_a_conversation_without_a_reply_is_an_error() -> None:
    with pytest.raises(NothingScripted, match="no scripted reply fits the prompt 'b'"):
        await said(model("[{when: {contains: a}, reply: x}]"), HumanMessage("b"))


@pytest.mark.parametrize("template", ["{{ nowhere }}", "{{ prompt | words }}", "{{ prompt | upper 2 }}"])
async def test_a_placeholder_that_means_nothing_is_an_error(template: str) -> None:
    with pytest.raises(BadPlaceholder):
        await said(model(f"[{{reply: '{template}'}}]"), HumanMessage("b"))


@pytest.mark.parametrize(
    ("replies", "problem"),
    [
        ("[]", "at least 1"),
        ("[{when: {contains: a}}]", "needs `reply`, `tool_calls` or `error`"),
        ("[{reply: a, wen: {}}]", "Extra inputs"),
        ("[{reply: a, when: {matches: '('}}]", "not a regular expression"),
    ],
)
def test_a_script_that_cannot_work_is_refused_when_it_is_read(replies: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        model(replies)


@pytest.mark.parametrize("text", ["", " ", "a", " a  b\nc ", "ä ö"])
def test_tokens_put_together_are_the_text(text: str) -> None:
    assert "".join(words(text)) == text
