"""`weft trigger replay`"""

from typing import Annotated

import typer

from weft.cli.api import Api
from weft.cli.documents import REPLAY_DELIVERY
from weft.cli.exit_codes import ExitCode
from weft.cli.options import AsJson, Url, Watch
from weft.cli.session import with_server
from weft.cli.started import show_started


def command(
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id.")],
    *,
    watch: Watch = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Each call starts an execution, whatever was decided before."""

    async def replay(api: Api) -> ExitCode:
        payload = await api.mutate(REPLAY_DELIVERY, id=delivery)
        return await show_started(api, payload["execution"], watch_it=watch, as_json=as_json)

    raise typer.Exit(with_server(url, replay))
