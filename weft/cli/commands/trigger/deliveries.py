"""`weft trigger deliveries`"""

from enum import StrEnum
from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.documents import DELIVERIES
from weft.cli.following_deliveries import follow_deliveries
from weft.cli.json_output import print_json, print_json_line
from weft.cli.options import AsJson, Limit, TriggerName, Url
from weft.cli.output import console, local_time, one_line, plain, print_table, status_text
from weft.cli.session import some, with_server


class Outcome(StrEnum):
    STARTED = "started"
    FILTERED = "filtered"
    DUPLICATE = "duplicate"
    THROTTLED = "throttled"
    BUFFERED = "buffered"
    SKIPPED_OVERLAP = "skipped_overlap"
    FAILED = "failed"


def command(
    name: TriggerName,
    *,
    outcome: Annotated[
        list[Outcome] | None, typer.Option(case_sensitive=False, help="With this outcome; repeatable.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Those from now on, one a line, until the trigger is deleted.")
    ] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """A delivery is what the trigger did with one event. With --json and --follow, one JSON object a line."""
    wanted = [each.name for each in outcome] if outcome else None
    if follow:
        with_server(url, lambda api: _follow(api, name, wanted, as_json=as_json))
        return

    async def read(api: Api) -> list[dict[str, Any]]:
        return await some(api, DELIVERIES, ("trigger", "deliveries"), limit, name=name, outcome=wanted)

    found = with_server(url, read)
    if as_json:
        print_json(found)
        return
    rows = [
        (each["id"], local_time(each["at"]), status_text(each["outcome"]), one_line(each["eventId"], 40), _note(each))
        for each in found
    ]
    print_table(("DELIVERY", "AT", "OUTCOME", "EVENT", ""), rows)


async def _follow(api: Api, name: str, wanted: list[str] | None, *, as_json: bool) -> None:
    def interrupted(seconds: float) -> None:
        console(stderr=True).print(f"weft: the server is away; trying again in {seconds:.1f} s")

    async for each in follow_deliveries(api, name, on_interruption=interrupted):
        if wanted is not None and each["outcome"] not in wanted:
            continue
        if as_json:
            print_json_line(each)
        else:
            typer.echo(_line(each))


def _line(each: dict[str, Any]) -> str:
    outcome = each["outcome"].lower()
    parts = (local_time(each["at"]), each["id"], outcome, one_line(each["eventId"], 40), _note(each))
    return " ".join(plain(part) for part in parts if part)


def _note(each: dict[str, Any]) -> str:
    failure = each["failure"]
    if failure:
        again = ", and is tried again" if failure["retryable"] else ""
        return f"{failure['code']}: {one_line(failure['message'], 200)}{again}"
    return str(each["execution"]["id"]) if each["execution"] else ""
