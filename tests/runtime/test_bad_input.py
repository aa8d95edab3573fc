"""Work that goes wrong in every way it can: the execution fails with a precise code, and the engine goes on."""

from typing import Any

import pytest

from engine.domain.errors import ValidationFailed
from engine.domain.status import ExecutionStatus
from engine.usecases.retry_execution import retry_execution
from tests.runtime.client import Client, call
from tests.runtime.odd_functions import RAISED, RETURNED

E = ExecutionStatus
ENDLESS = "input.l.map(a, input.l.map(b, input.l.map(c, [a, b, c])))"
TOO_MUCH = "the expression takes more work than allowed"
LIST = {"l": list(range(200))}


def transform(step_id: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "transform", "with": {"value": value}, **more}


async def failure(client: Client, *steps: dict[str, Any], input: Any = None, **more: Any) -> tuple[str, str]:  # noqa: A002 # as in the API
    """Code and message of what the execution of these steps fails with. Another execution runs to its end meanwhile."""
    await client.define(*steps, **more)
    await client.define(transform("a", 1), name="other")
    execution_id = await client.start(input=input or {})
    assert (await client.run("other")).state.status is E.SUCCEEDED
    state = (await client.ended(execution_id)).state
    assert state.status is E.FAILED
    assert state.failure is not None
    return state.failure.code, state.failure.message


@pytest.mark.parametrize(
    "step",
    [
        transform("a", f"${{ {ENDLESS} }}"),
        transform("a", 1, when=f"size({ENDLESS}) > 0"),
        {"id": "a", "kind": "decide", "with": {"cases": [{"when": f"size({ENDLESS}) > 0", "value": 1}]}},
        {"id": "a", "kind": "map", "with": {"items": f"${{ {ENDLESS} }}", "steps": [transform("x", 1)]}},
        {"id": "a", "kind": "loop", "with": {"until": f"size({ENDLESS}) > 0", "steps": [transform("x", 1)]}},
        call("a", "echo", {"value": f"${{ {ENDLESS} }}"}),
    ],
    ids=["value", "when", "decide", "items", "until", "args"],
)
async def test_an_expression_that_would_not_end_fails_its_step(client: Client, step: dict[str, Any]) -> None:
    code, message = await failure(client, step, input=LIST)
    assert (code, message.rpartition(": ")[2]) == ("expression_failed", TOO_MUCH)


async def test_an_output_that_would_not_end_fails_the_execution(client: Client) -> None:
    code, message = await failure(client, transform("a", 1), input=LIST, output=f"${{ {ENDLESS} }}")
    assert (code, message.rpartition(": ")[2]) == ("expression_failed", TOO_MUCH)


async def test_a_concurrency_key_that_would_not_end_refuses_the_start(client: Client) -> None:
    await client.define(transform("a", 1), concurrency={"key": f"${{ {ENDLESS} }}"})
    with pytest.raises(ValidationFailed, match=TOO_MUCH):
        await client.start(input=LIST)


async def test_values_that_double_with_every_step_end_in_a_failure(client: Client) -> None:
    """Thirty steps would make ten gigabytes out of ten bytes."""
    doubling = [transform(f"s{n}", [f"${{ steps.s{n - 1}.output }}"] * 8) for n in range(1, 30)]
    code, message = await failure(client, transform("s0", "${ input.t }"), *doubling, input={"t": "x" * 1000})
    assert (code, message) == ("expression_failed", "the rendered value has more than 16,777,216 bytes")


async def test_values_that_are_nested_with_every_step_end_in_a_failure(client: Client) -> None:
    nesting = [transform(f"s{n}", [f"${{ steps.s{n - 1}.output }}"]) for n in range(1, 300)]
    code, message = await failure(client, transform("s0", 1), *nesting)
    assert (code, message) == ("expression_failed", "the rendered value is nested more than 200 levels deep")


@pytest.mark.parametrize("function", ["raises", "raises_in_thread"])
@pytest.mark.parametrize("what", RAISED)
async def test_whatever_user_code_raises_is_the_failure_of_its_step(client: Client, what: str, function: str) -> None:
    step = {"id": "a", "kind": "function", "with": {"call": f"odd.{function}", "args": {"what": what}}}
    code, message = await failure(client, step)
    assert code == what
    assert message
    assert len(message) <= 4_000
    assert "\0" not in message


async def test_user_code_that_never_returns_from_itself_fails(client: Client) -> None:
    step = {"id": "a", "kind": "function", "with": {"call": "odd.recurses"}}
    assert (await failure(client, step))[0] == "recursion_error"


@pytest.mark.parametrize("what", RETURNED)
async def test_what_cannot_be_stored_is_no_result(client: Client, what: str) -> None:
    step = {"id": "a", "kind": "function", "with": {"call": "odd.returns", "args": {"what": what}}}
    assert (await failure(client, step))[0] == ("output_too_large" if what == "large" else "bad_result")


async def test_an_interrupt_that_no_state_can_hold_is_a_failure(client: Client) -> None:
    step = {"id": "a", "kind": "function", "with": {"call": "odd.asks", "args": {"size": 200_000}}}
    code, message = await failure(client, step)
    assert code == "bad_interrupt"
    assert "the limit is 131,072" in message


async def test_details_that_no_state_can_hold_are_left_out(client: Client) -> None:
    step = {"id": "a", "kind": "fail", "with": {"code": "mine", "message": "no", "details": "${ input.t }"}}
    await client.define(step)
    state = (await client.run(input={"t": "x" * 900_000})).state
    assert state.failure is not None
    assert (state.failure.code, state.failure.message) == ("mine", "no")
    assert state.failure.details == {"omitted": "900,002 bytes of details were left out; at most 16,384 are kept"}


async def test_ten_thousand_and_one_items_are_too_many(client: Client) -> None:
    step = {"id": "a", "kind": "map", "with": {"items": "${ input.l }", "steps": [transform("x", 1)]}}
    code, message = await failure(client, step, input={"l": [0] * 10_001})
    assert (code, message) == ("too_many_items", "`items` has 10,001 entries; a map takes at most 10,000")


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("${ input.t }", "in UTC it is before the year 1 or behind the year 9999"),
        ("${ input.t + 'x' }", "a valid datetime"),
    ],
)
async def test_a_moment_that_does_not_exist_fails_its_step(client: Client, until: str, message: str) -> None:
    step = {"id": "a", "kind": "sleep", "with": {"until": until}}
    code, said = await failure(client, step, input={"t": "9999-12-31T23:59:59-14:00"})
    assert code == "invalid_with"
    assert message in said


async def test_an_execution_with_more_labels_than_a_caller_may_give_can_be_repeated(client: Client) -> None:
    own = {f"own{n}": "" for n in range(40)}
    await client.define({"id": "a", "kind": "fail", "with": {"message": "no"}}, labels=own)
    first = await client.run(labels={f"given{n}": "" for n in range(40)})
    repeated = await retry_execution(client.services, client.caller, first.state.id, from_step=None)
    assert repeated.state.labels == first.state.labels
    assert len(repeated.state.labels) == 80
