"""What commands share that are about one trigger."""

from typing import Any

import typer

from weft.cli.api import Api
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.json_output import print_json
from weft.cli.session import with_server


async def existing_trigger(api: Api, document: str, name: str, **variables: Any) -> dict[str, Any]:
    """`document` is a query of the trigger `$name`."""
    found = (await api.query(document, name=name, **variables))["trigger"]
    if found is None:
        raise CommandFailed(ExitCode.REFUSED, f"there is no trigger {name} [NOT_FOUND]")
    assert isinstance(found, dict)
    return found


def change_trigger(url: str | None, document: str, name: str, *, as_json: bool) -> None:
    """`document` is a mutation of a trigger by its name. Raises `ApiError`."""

    async def change(api: Api) -> dict[str, Any]:
        trigger = (await api.mutate(document, name=name))["trigger"]
        assert isinstance(trigger, dict)
        return trigger

    trigger = with_server(url, change)
    if as_json:
        print_json(trigger)
    else:
        typer.echo(f"{trigger['name']} {trigger['status'].lower()}")
