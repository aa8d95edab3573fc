"""`weft serve`"""

import os
import socket
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from engine.settings import Settings
from weft.cli.configuration import configured
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.json_output import print_json_line
from weft.listening import AddressInUse, AddressRefused
from weft.logs import configure_logging
from weft.supervised import NotSupervised, take
from weft.supervisor import supervise


class Role(StrEnum):
    ALL = "all"
    API = "api"
    WORKER = "worker"


def command(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: $WEFT_HOST, or 127.0.0.1]")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 takes a free one. [default: $WEFT_PORT, or 8000]"),
    ] = None,
    role: Annotated[Role, typer.Option(help="What this process does.")] = Role.ALL,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Processes that share the address. [default: $WEFT_WORKERS, or 1]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say where it listens as one line of JSON.")] = False,
    supervised: Annotated[tuple[int, int] | None, typer.Option(hidden=True)] = None,
) -> None:
    settings = configured(host=host, port=port, role=role.value, workers=workers)
    configure_logging(settings.log_format, settings.log_level)
    try:
        if supervised is not None:
            _serve_under_a_supervisor(settings, *supervised)
        elif settings.workers > 1:
            raise typer.Exit(supervise(settings, lambda url: _announce(url, settings, as_json=as_json)))
        else:
            _serve(settings, lambda url: _announce(url, settings, as_json=as_json))
    except (AddressInUse, AddressRefused) as error:
        code = ExitCode.IN_USE if isinstance(error, AddressInUse) else ExitCode.CONFIGURATION
        raise CommandFailed(code, str(error)) from error


def _serve_under_a_supervisor(settings: Settings, listener: int, supervisor: int) -> None:
    """By file descriptors."""
    try:
        handed = take(listener, supervisor)
    except NotSupervised as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from error
    handed.end_with_the_supervisor(settings.grace.total_seconds())
    _serve(settings, lambda _: handed.answers(), handed.listener)


def _serve(settings: Settings, on_listening: Callable[[str], None], listener: socket.socket | None = None) -> None:
    from weft.cli.serving import serve_here  # noqa: PLC0415 - the engine is big, and a supervisor does without it

    serve_here(settings, on_listening, listener)


def _announce(url: str, settings: Settings, *, as_json: bool) -> None:
    graphql = f"{url}/graphql" if settings.role != Role.WORKER else None
    data_dir = str(settings.data_dir.absolute()) if settings.store == "sqlite" else None
    if as_json:
        known = {"url": url, "graphql": graphql, "dataDir": data_dir, "role": settings.role, "pid": os.getpid()}
        print_json_line({name: value for name, value in known.items() if value is not None})
        return
    typer.echo(f"weft listens on {url}")
    typer.echo(f"  GraphQL  {graphql}" if graphql else "  health   /readyz; it works, and answers no queries")
    typer.echo(f"  data     {data_dir or f'Firestore, project {settings.project}'}")
    typer.echo("Ctrl-C stops it.")
