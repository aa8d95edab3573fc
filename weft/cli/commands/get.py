"""`weft get`"""

from typing import Annotated, Any

import typer
from rich.text import Text

from weft.cli.api import Api
from weft.cli.documents import EXECUTION, STEPS
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, ExecutionId, Url
from weft.cli.output import (
    console,
    elapsed,
    indented_json,
    local_time,
    one_line,
    print_fields,
    print_table,
    status_text,
)
from weft.cli.session import pages, with_server


def command(
    execution: ExecutionId,
    *,
    nested: Annotated[
        bool, typer.Option("--all", help="Nested step runs too: items of maps, nodes of graphs.")
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    async def read(api: Api) -> dict[str, Any]:
        return await _read(api, execution, nested=nested)

    found = with_server(url, read)
    if as_json:
        print_json(found)
    else:
        _print(found)


async def _read(api: Api, execution_id: str, *, nested: bool) -> dict[str, Any]:
    found = (await api.query(EXECUTION, id=execution_id))["execution"]
    if found is None:
        raise CommandFailed(ExitCode.REFUSED, f"there is no execution {execution_id} [NOT_FOUND]")
    steps = [step async for step in pages(api, STEPS, ("execution", "steps"), id=execution_id)]
    return {**found, "steps": [step for step in steps if nested or "." not in step["stepId"]]}


def _print(found: dict[str, Any]) -> None:
    usage, progress = found["usage"], found["progress"]
    print_fields(
        {
            "execution": found["id"],
            "workflow": f"{found['workflow']['name']}, version {found['version']['number']}",
            "status": status_text(found["status"]),
            "progress": f"{progress['done']} of {progress['total']} steps",
            "labels": ", ".join(f"{key}={value}" for key, value in found["labels"].items()),
            "created": local_time(found["createdAt"]),
            "took": elapsed(found["startedAt"], found["finishedAt"]),
            "models": _usage_text(usage) if usage["modelCalls"] else None,
            "failure": _failure_text(found["failure"]),
            "input": one_line(found["input"], 400),
        }
    )
    if found["steps"]:
        console().print()
        print_table(("STEP", "KIND", "STATUS", "ATTEMPT", "TOOK", ""), [_step_row(step) for step in found["steps"]])
    if found["output"] is not None:
        console().print(f"\n{indented_json(found['output'])}", soft_wrap=True)


def _step_row(step: dict[str, Any]) -> tuple[str | Text, ...]:
    wait = step["waitingFor"]
    note = _failure_text(step["failure"]) or ""
    if wait:
        note = f"waits for {wait['kind']}: {one_line(wait['prompt'] or wait['signal'] or wait['until'] or '')}"
    attempt = str(step["attempt"]) if step["attempt"] else ""
    took = elapsed(step["startedAt"], step["finishedAt"])
    return step["stepId"], step["kind"], status_text(step["status"]), attempt, took, note


def _failure_text(failure: dict[str, Any] | None) -> str | None:
    return f"{failure['code']}: {one_line(failure['message'], 300)}" if failure else None


def _usage_text(usage: dict[str, Any]) -> str:
    tokens = f"{usage['inputTokens']} + {usage['outputTokens']} tokens"
    return f"{usage['modelCalls']} calls, {tokens}, {usage['costUsd']:.4f} USD"
