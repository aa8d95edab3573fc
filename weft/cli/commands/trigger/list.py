"""`weft trigger list`"""

from enum import StrEnum
from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.documents import TRIGGERS
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, Limit, Url
from weft.cli.output import local_time, print_table, status_text
from weft.cli.session import some, with_server


class Kind(StrEnum):
    PUBSUB = "pubsub"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    EVENT = "event"


def command(
    *,
    kind: Annotated[list[Kind] | None, typer.Option(case_sensitive=False, help="Of this kind; repeatable.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    async def read(api: Api) -> list[dict[str, Any]]:
        return await some(api, TRIGGERS, ("triggers",), limit, kind=[each.name for each in kind] if kind else None)

    found = with_server(url, read)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["name"],
            each["kind"].lower(),
            status_text(each["status"]),
            each["workflow"]["name"],
            local_time(each["lastFiredAt"]),
            local_time(each["nextFireAt"]),
        )
        for each in found
    ]
    print_table(("TRIGGER", "KIND", "STATUS", "WORKFLOW", "LAST", "NEXT"), rows)
