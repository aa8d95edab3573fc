"""`weft waiting`"""

from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.documents import WAITING
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, Limit, Url
from weft.cli.output import elapsed, one_line, print_table
from weft.cli.session import some, with_server


def command(
    *,
    assignee: Annotated[str | None, typer.Option(help="Only those that ask this person or group.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Answer one with `weft approve EXECUTION STEP`."""

    async def read(api: Api) -> list[dict[str, Any]]:
        return await some(api, WAITING, ("waitingSteps",), limit, assignee=assignee)

    found = with_server(url, read)
    if as_json:
        print_json(found)
    else:
        print_table(("EXECUTION", "STEP", "WORKFLOW", "SINCE", "ASKS", "FOR"), [_row(each) for each in found])


def _row(waiting: dict[str, Any]) -> tuple[str, ...]:
    execution, step = waiting["execution"], waiting["step"]
    wait = step["waitingFor"] or {"prompt": None, "value": None, "assignees": []}
    asked = one_line(wait["prompt"] or wait["value"] or "")
    since = f"{elapsed(step['startedAt'], None)} ago" if step["startedAt"] else ""
    return execution["id"], step["stepId"], execution["workflow"]["name"], since, asked, ", ".join(wait["assignees"])
