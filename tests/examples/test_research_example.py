from pathlib import Path

from engine.domain.events import (
    CheckpointSaved,
    ExecutionSucceeded,
    StepStarted,
    StepSucceeded,
    StepWaiting,
    ToolCalled,
)
from examples.research.functions import report, search
from tests.examples.runner import Event, open_example, told


def visits(events: list[Event]) -> list[str]:
    """The nodes in the order in which they began, rounds of agents left out."""
    paths = [step.removeprefix("research.") for step in told(events, StepStarted) if step.startswith("research.")]
    return [path for path in paths if "." not in path]


async def test_the_loop_repeats_until_the_critic_and_the_reviewer_are_content(tmp_path: Path) -> None:
    async with open_example("research", tmp_path) as example:
        events = await example.run()
    assert visits(events) == [
        *("plan", "gather", "critique"),
        *("plan[2]", "gather[2]", "critique[2]"),
        *("review", "review"),  # once to ask, and once with the answer
    ]
    assert told(events, StepWaiting) == ["research.review", "research"]
    assert isinstance(events[-1], ExecutionSucceeded)


async def test_what_the_reviewer_misses_is_searched_for_in_another_round(tmp_path: Path) -> None:
    async with open_example("research", tmp_path) as example:
        refused = {"accepted": False, "gap": "how a lease is fenced"}
        events = await example.run({"research": refused}, cancel_at="research.review[2]")
    queries = [event.arguments["query"] for event in events if isinstance(event, ToolCalled)]
    assert queries[2:] == ["how a lease is fenced"]


async def test_a_node_that_succeeded_is_not_run_again_after_the_answer(tmp_path: Path) -> None:
    async with open_example("research", tmp_path) as example:
        events = await example.run()
    succeeded = told(events, StepSucceeded)
    assert len(succeeded) == len(set(succeeded))
    assert told(events, CheckpointSaved)


async def test_the_report_quotes_real_passages_with_their_source(tmp_path: Path) -> None:
    async with open_example("research", tmp_path) as example:
        end = (await example.run())[-1]
    assert isinstance(end, ExecutionSucceeded)
    assert "[docs/operations.md]" in end.output
    assert "Sources after 2 rounds: " in end.output


def test_a_search_for_something_unheard_of_says_so() -> None:
    assert search("xylophone quartets") == "(nothing about 'xylophone quartets')"


def test_a_passage_that_was_found_twice_is_reported_once() -> None:
    told_once = report("Why?", ["[a.md] Because.", "[a.md] Because.\n[b.md] Also."], rounds=2)
    assert told_once == "# Why?\n\n- [a.md] Because.\n- [b.md] Also.\n\nSources after 2 rounds: a.md (1), b.md (1)\n"
