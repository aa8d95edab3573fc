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
from weft.serve import AddressInUse, AddressRefused, serve


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
    settings = configured(host=host, port=port)
    if role is not Role.ALL:
        raise CommandFailed(
            ExitCode.CONFIGURATION,
            f"--role {role} needs a store that several processes share, and {settings.store} belongs to one: "
            "leave --role out",
        )
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
    except WeftError as error:
        if error.code != Unavailable.code:
            raise
        raise CommandFailed(ExitCode.IN_USE, error.message) from error


def _announce(url: str, settings: Settings, *, as_json: bool) -> None:
    data_dir = str(settings.data_dir.absolute())
    if as_json:
        print_json_line({"url": url, "graphql": f"{url}/graphql", "dataDir": data_dir, "pid": os.getpid()})
    else:
        typer.echo(f"weft listens on {url}\n  GraphQL  {url}/graphql\n  data     {data_dir}\nCtrl-C stops it.")
