"""What `start` and `retry` show of a new execution."""

from typing import Any

import typer

from weft.cli.api import Api
from weft.cli.exit_codes import ExitCode
from weft.cli.json_output import print_json
from weft.cli.watching import suitable_view, watch


async def show_started(api: Api, execution: dict[str, Any], *, watch_it: bool, as_json: bool) -> ExitCode:
    """With `watch_it`, JSON is that of the events, one a line; every one has the execution's id."""
    if watch_it:
        return await watch(api, execution["id"], suitable_view(as_json=as_json))
    if as_json:
        print_json(execution)
    else:
        typer.echo(f"{execution['id']} {execution['status'].lower()}\nwatch it: weft watch {execution['id']}")
    return ExitCode.DONE
