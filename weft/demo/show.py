"""Runs one example and shows it."""

import asyncio
from typing import Any

from weft.cli.api import Api
from weft.cli.api_errors import RequestRefused
from weft.cli.commands.apply import apply
from weft.cli.documents import COMPLETE_STEP, START
from weft.cli.exit_codes import ExitCode
from weft.cli.follow import Event
from weft.cli.output import console, one_line
from weft.cli.watching import suitable_view, watch
from weft.demo.examples import Example

_THINKING_SECONDS = 1.0
"""How long the person takes that the demonstration plays: long enough to be seen waiting for."""


async def show_example(api: Api, example: Example) -> ExitCode:
    """Applies, starts and watches it, and answers what it asks. Raises `ApiError`."""
    name = ""
    for file in example.workflows:
        applied = await apply(api, file, file.read_text(encoding="utf-8"))
        if applied.workflow is None:
            raise RequestRefused(applied.refusals)
        name = applied.workflow["name"]
    given, answers = example.read_input(), example.read_answers()
    out = console()
    out.print(f"\n{example.name}", style="bold")
    out.print(f"  input  {one_line(given, 200)}", style="dim", soft_wrap=True)
    for step, output in answers.items():
        out.print(f"  when {step} waits, the demo answers {one_line(output, 200)}", style="dim", soft_wrap=True)
    execution = (await api.mutate(START, workflow=name, input=given))["execution"]
    async with asyncio.TaskGroup() as tasks:

        def answer(event: Event) -> None:
            if event["__typename"] == "StepWaiting" and event["stepId"] in answers:
                tasks.create_task(_answer(api, event, answers[event["stepId"]]))

        return await watch(api, execution["id"], suitable_view(as_json=False), on_event=answer)


async def _answer(api: Api, waiting: Event, output: Any) -> None:
    await asyncio.sleep(_THINKING_SECONDS)
    await api.mutate(
        COMPLETE_STEP,
        executionId=waiting["executionId"],
        stepId=waiting["stepId"],
        interruptId=waiting["waitingFor"]["interruptId"],
        output=output,
    )
