"""`weft trigger delete`"""

import typer

from weft.cli.api import Api
from weft.cli.documents import DELETE_TRIGGER
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, TriggerName, Url
from weft.cli.session import with_server


def command(name: TriggerName, *, as_json: AsJson = False, url: Url = None) -> None:
    async def delete(api: Api) -> str:
        return str((await api.mutate(DELETE_TRIGGER, name=name))["deletedId"])

    deleted = with_server(url, delete)
    if as_json:
        print_json({"deletedId": deleted})
    else:
        typer.echo(f"{name} deleted")
