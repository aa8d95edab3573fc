"""`weft trigger fire`"""

from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.arguments import json_value
from weft.cli.documents import FIRE_TRIGGER
from weft.cli.exit_codes import ExitCode
from weft.cli.options import AsJson, IdempotencyKey, TriggerName, Url, Watch
from weft.cli.session import with_server
from weft.cli.started import show_started


def command(
    name: TriggerName,
    *,
    data: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="The event's data; @FILE reads it from a file, - from standard input."),
    ] = None,
    idempotency_key: IdempotencyKey = None,
    watch: Watch = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """The mapping sees an event of the type weft.trigger.fired with this data."""
    given: dict[str, Any] = {"name": name, "idempotencyKey": idempotency_key}
    if data is not None:
        given["data"] = json_value(data, "--data")

    async def fire(api: Api) -> ExitCode:
        payload = await api.mutate(FIRE_TRIGGER, **given)
        return await show_started(api, payload["execution"], watch_it=watch, as_json=as_json)

    raise typer.Exit(with_server(url, fire))
