"""`weft trigger preview`"""

from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.documents import TRIGGER_TIMES
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, TriggerName, Url
from weft.cli.output import local_time
from weft.cli.session import with_server
from weft.cli.triggers import existing_trigger


def command(
    name: TriggerName,
    *,
    count: Annotated[int, typer.Option("-n", min=1, max=100, help="So many, at the most.")] = 10,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """The scheduled times, in the time zone of this machine; jitter is left aside."""

    async def read(api: Api) -> dict[str, Any]:
        return await existing_trigger(api, TRIGGER_TIMES, name, first=count)

    found = with_server(url, read)
    if found["kind"] != "SCHEDULE":
        raise CommandFailed(ExitCode.REFUSED, f"trigger {name} has no schedule: it is one of {found['kind']}")
    if as_json:
        print_json(found["nextFireTimes"])
    else:
        for time in found["nextFireTimes"]:
            typer.echo(local_time(time))
