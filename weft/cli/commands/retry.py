"""`weft retry`"""

from typing import Annotated

import typer

from weft.cli.api import Api
from weft.cli.documents import RETRY
from weft.cli.exit_codes import ExitCode
from weft.cli.options import AsJson, ExecutionId, Url
from weft.cli.session import with_server
from weft.cli.started import show_started


def command(
    execution: ExecutionId,
    *,
    from_step: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Run this step and what follows again.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Watch the new execution until it ends.")] = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """The retry is a new execution; the old one stays as it is."""

    async def retry(api: Api) -> ExitCode:
        payload = await api.mutate(RETRY, id=execution, fromStep=from_step)
        return await show_started(api, payload["execution"], watch_it=watch, as_json=as_json)

    raise typer.Exit(with_server(url, retry))
