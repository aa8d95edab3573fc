"""`weft trigger show`"""

from typing import Any

from weft.cli.api import Api
from weft.cli.documents import TRIGGER_IN_DETAIL
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, TriggerName, Url
from weft.cli.output import local_time, one_line, print_fields, status_text
from weft.cli.session import with_server
from weft.cli.triggers import existing_trigger


def command(name: TriggerName, *, as_json: AsJson = False, url: Url = None) -> None:
    async def read(api: Api) -> dict[str, Any]:
        return await existing_trigger(api, TRIGGER_IN_DETAIL, name)

    found = with_server(url, read)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    ((kind, source),) = found["config"].items()
    print_fields(
        {
            "trigger": found["name"],
            "workflow": found["workflow"]["name"],
            "status": status_text(found["status"]),
            "because": found["pausedBecause"],
            kind: ", ".join(f"{field} {one_line(value)}" for field, value in source.items()),
            "condition": found["condition"],
            "address": found["webhookUrl"],
            "created": local_time(found["createdAt"]),
            "last": local_time(found["lastFiredAt"]),
            "next": ", ".join(map(local_time, found["nextFireTimes"])),
            "events": ", ".join(f"{count} {name}" for name, count in found["stats"].items()),
        }
    )
