"""`weft workflows`"""

from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.documents import WORKFLOWS
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, Limit, Url
from weft.cli.output import local_time, print_table, status_text
from weft.cli.session import some, with_server


def command(
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Whose name contains this.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    async def read(api: Api) -> list[dict[str, Any]]:
        return await some(api, WORKFLOWS, ("workflows",), limit, filter={"nameContains": name})

    found = with_server(url, read)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["name"],
            status_text(each["status"]),
            str((each["activeVersion"] or each["latestVersion"])["number"]),
            local_time(each["updatedAt"]),
            each["title"] or "",
        )
        for each in found
    ]
    print_table(("WORKFLOW", "STATUS", "VERSION", "CHANGED", "TITLE"), rows)
