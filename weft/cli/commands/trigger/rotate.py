"""`weft trigger rotate`"""

from typing import Any

import typer

from weft.cli.api import Api
from weft.cli.documents import ROTATE_WEBHOOK
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, TriggerName, Url
from weft.cli.session import with_server


def command(name: TriggerName, *, as_json: AsJson = False, url: Url = None) -> None:
    async def rotate(api: Api) -> dict[str, Any]:
        trigger = (await api.mutate(ROTATE_WEBHOOK, name=name))["trigger"]
        assert isinstance(trigger, dict)
        return trigger

    trigger = with_server(url, rotate)
    if as_json:
        print_json(trigger)
    else:
        typer.echo(trigger["webhookUrl"])
