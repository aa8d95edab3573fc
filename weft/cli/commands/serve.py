"""`weft serve`"""

import os
from enum import StrEnum
from typing import Annotated

import typer

from engine.domain.errors import Unavailable, WeftError
from engine.executors.catalogue import DuplicateKind
from engine.executors.parts import PartsRefused
from engine.settings import BadSettings, Settings
from weft.cli.configuration import configured
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.json_output import print_json_line
from weft.logs import configure_logging
from weft.serve import AddressInUse, AddressRefused, EngineDied, serve


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
    as_json: Annotated[bool, typer.Option("--json", help="Say where it listens as one line of JSON.")] = False,
) -> None:
    settings = configured(host=host, port=port, role=role.value)
    configure_logging(settings.log_format, settings.log_level)
    _serve(settings, as_json=as_json)


def _serve(settings: Settings, *, as_json: bool) -> None:
    try:
        serve(settings, lambda url: _announce(url, settings, as_json=as_json))
    except (AddressInUse, AddressRefused) as error:
        code = ExitCode.IN_USE if isinstance(error, AddressInUse) else ExitCode.CONFIGURATION
        raise CommandFailed(code, str(error)) from error
    except (BadSettings, PartsRefused, DuplicateKind) as error:
        raise CommandFailed(ExitCode.CONFIGURATION, str(error)) from error
    except EngineDied as error:
        raise CommandFailed(ExitCode.INTERNAL, str(error)) from error
    except WeftError as error:
        if error.code != Unavailable.code:
            raise
        raise CommandFailed(ExitCode.IN_USE, error.message) from error


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
