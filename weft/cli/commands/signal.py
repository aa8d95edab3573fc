"""`weft signal`"""

from typing import Annotated, Any

import typer

from weft.cli.arguments import json_value
from weft.cli.changing import change_execution
from weft.cli.documents import SIGNAL
from weft.cli.options import AsJson, ExecutionId, IdempotencyKey, Url


def command(
    execution: ExecutionId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The signal's name.")],
    *,
    payload: Annotated[
        str | None, typer.Option(metavar="JSON", help="What it carries; @FILE reads a file, - standard input.")
    ] = None,
    idempotency_key: IdempotencyKey = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    given: dict[str, Any] = {"id": execution, "name": name, "idempotencyKey": idempotency_key}
    if payload is not None:
        given["payload"] = json_value(payload, "--payload")
    change_execution(url, SIGNAL, given, as_json=as_json)
