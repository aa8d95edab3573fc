"""`weft approve`"""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.arguments import json_value
from weft.cli.asking import ask
from weft.cli.changing import change_execution
from weft.cli.documents import COMPLETE_STEP, STEP
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.options import AsJson, ExecutionId, IdempotencyKey, Url
from weft.cli.session import with_server


def command(
    execution: ExecutionId,
    step: Annotated[str, typer.Argument(metavar="STEP", help="The step's path, as `weft waiting` shows it.")],
    *,
    output: Annotated[
        str | None, typer.Option(metavar="JSON", help="The answer; @FILE reads a file, - standard input.")
    ] = None,
    reject: Annotated[
        str | None, typer.Option(metavar="MESSAGE", help="Answer with a failure: the step fails with this message.")
    ] = None,
    interrupt: Annotated[
        str | None, typer.Option(metavar="ID", help="Which interrupt, if the step waits for several.")
    ] = None,
    idempotency_key: IdempotencyKey = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Without --output and --reject, shows what is asked, and asks."""
    if output is not None and reject is not None:
        raise typer.BadParameter("an answer and a rejection exclude each other", param_hint="--reject")
    given: dict[str, Any] = {
        "executionId": execution,
        "stepId": step,
        "interruptId": interrupt,
        "idempotencyKey": idempotency_key,
    }
    if reject is not None:
        given["failure"] = reject
    elif output is not None:
        given["output"] = json_value(output, "--output")
    else:
        given["output"] = _asked(url, execution, step)
    change_execution(url, COMPLETE_STEP, given, as_json=as_json)


def _asked(url: str | None, execution_id: str, path: str) -> Any:
    if not sys.stdin.isatty():
        raise typer.BadParameter("give the answer with --output, or --reject MESSAGE", param_hint="--output")

    async def read(api: Api) -> Mapping[str, Any] | None:
        found = (await api.query(STEP, id=execution_id, step=path))["execution"]
        if found is None or found["step"] is None:
            raise CommandFailed(ExitCode.REFUSED, f"there is no step {path} in {execution_id} [NOT_FOUND]")
        wait: Mapping[str, Any] | None = found["step"]["waitingFor"]
        return wait

    waiting_for = with_server(url, read)
    if waiting_for is None:
        raise CommandFailed(ExitCode.REFUSED, f"step {path} does not wait for anything [INVALID_STATE]")
    return ask(waiting_for)
