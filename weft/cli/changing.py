"""What commands share that change one execution and show it."""

from collections.abc import Mapping
from typing import Any

import typer

from weft.cli.api import Api
from weft.cli.json_output import print_json
from weft.cli.session import with_server


def change_execution(url: str | None, document: str, given: Mapping[str, Any], *, as_json: bool) -> None:
    """`document` is a mutation whose payload has the execution. Raises `ApiError`."""

    async def change(api: Api) -> dict[str, Any]:
        execution = (await api.mutate(document, **given))["execution"]
        assert isinstance(execution, dict)
        return execution

    execution = with_server(url, change)
    if as_json:
        print_json(execution)
    else:
        typer.echo(f"{execution['id']} {execution['status'].lower()}")
