"""`weft list`"""

from enum import StrEnum
from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.arguments import labels
from weft.cli.documents import EXECUTIONS
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, Limit, Url
from weft.cli.output import elapsed, local_time, print_table, status_text
from weft.cli.session import some, with_server


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


def command(
    *,
    workflow: Annotated[str | None, typer.Option(help="Of this workflow.")] = None,
    status: Annotated[
        list[Status] | None, typer.Option(case_sensitive=False, help="In this status; repeatable.")
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="KEY=VALUE", help="With this label.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    asked: dict[str, Any] = {}
    if workflow is not None:
        asked["workflow"] = workflow
    if status:
        asked["status"] = [each.name for each in status]
    if label is not None:
        ((key, value),) = labels([label]).items()
        asked["label"] = {"key": key, "value": value}

    async def read(api: Api) -> list[dict[str, Any]]:
        return await some(api, EXECUTIONS, ("executions",), limit, filter=asked)

    found = with_server(url, read)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["id"],
            each["workflow"]["name"],
            status_text(each["status"]),
            local_time(each["createdAt"]),
            elapsed(each["startedAt"], each["finishedAt"]),
            f"{each['progress']['done']}/{each['progress']['total']}",
        )
        for each in found
    ]
    print_table(("EXECUTION", "WORKFLOW", "STATUS", "CREATED", "TOOK", "STEPS"), rows)
