"""`weft event`"""

from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.arguments import json_value
from weft.cli.documents import PUBLISH_EVENT
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, Url
from weft.cli.session import with_server

command = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Publish events, which triggers take.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@command.callback()
def event() -> None:
    """A group, though it has one command so far."""


@command.command("publish")
def publish(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="What happened, such as com.example.order.paid.")],
    *,
    data: Annotated[
        str | None, typer.Option(metavar="JSON", help="Any JSON; @FILE reads it from a file, - from standard input.")
    ] = None,
    source: Annotated[str, typer.Option(metavar="URI", help="Where it comes from.")] = "/cli",
    event_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="The same source and id are the same event. Unset: a new one."),
    ] = None,
    subject: Annotated[str | None, typer.Option(help="What it is about, within the source.")] = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Publishes a CloudEvent. Once it is answered, the event reaches every trigger that takes it."""
    given: dict[str, Any] = {"type": type_, "source": source, "id": event_id, "subject": subject}
    if data is not None:
        given["data"] = json_value(data, "--data")

    async def act(api: Api) -> str:
        return str((await api.mutate(PUBLISH_EVENT, event=given))["eventId"])

    published = with_server(url, act)
    if as_json:
        print_json({"eventId": published})
    else:
        typer.echo(published)
