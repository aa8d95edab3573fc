"""`weft watch`"""

from typing import Annotated

import typer

from weft.cli.api import Api
from weft.cli.exit_codes import ExitCode
from weft.cli.options import AsJson, ExecutionId, Url
from weft.cli.session import with_server
from weft.cli.watching import suitable_view, watch


def command(
    execution: ExecutionId,
    *,
    after: Annotated[int, typer.Option(min=0, metavar="SEQ", help="Only events behind this one, as lines.")] = 0,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """The exit code says how it ended: 0 succeeded, 1 failed or timed out, 3 cancelled. With --json, one event a line."""

    async def follow_it(api: Api) -> ExitCode:
        return await watch(api, execution, suitable_view(as_json=as_json, after=after), after=after)

    raise typer.Exit(with_server(url, follow_it))
