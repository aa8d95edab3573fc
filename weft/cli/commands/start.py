"""`weft start`"""

from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.arguments import json_object, labels
from weft.cli.documents import START
from weft.cli.exit_codes import ExitCode
from weft.cli.options import AsJson, IdempotencyKey, Url
from weft.cli.session import with_server
from weft.cli.started import show_started


def command(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's name.")],
    *,
    given: Annotated[
        str | None,
        typer.Option("--input", metavar="JSON", help="An object; @FILE reads it from a file, - from standard input."),
    ] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="To find it by; repeatable.")] = None,
    priority: Annotated[int | None, typer.Option(help="Higher ones are admitted first within a lane.")] = None,
    lane: Annotated[str | None, typer.Option(help="The admission queue.")] = None,
    delay: Annotated[str | None, typer.Option(metavar="DURATION", help="Start later, such as 90s, 5m or 2h.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Instead of the active one.")] = None,
    idempotency_key: IdempotencyKey = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Watch it until it ends.")] = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    asked: dict[str, Any] = {
        "workflow": workflow,
        "input": json_object(given, "--input") if given is not None else {},
        "labels": labels(label) if label else None,
        "priority": priority,
        "lane": lane,
        "delay": delay,
        "version": version,
        "idempotencyKey": idempotency_key,
    }

    async def start(api: Api) -> ExitCode:
        request = {name: value for name, value in asked.items() if value is not None}
        payload = await api.mutate(START, **request)
        return await show_started(api, payload["execution"], watch_it=watch, as_json=as_json)

    raise typer.Exit(with_server(url, start))
