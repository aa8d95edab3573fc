"""`weft provision`"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import msgspec
import typer

from engine.bootstrap.provisioning import Provisioned, Standing, provision
from engine.domain.durations import parse_duration
from engine.domain.errors import WeftError
from engine.settings import BadSettings
from weft.cli.configuration import configured
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.json_output import print_json
from weft.cli.options import AsJson
from weft.cli.output import console

_STYLES = {
    Standing.SOUND: "dim",
    Standing.CHANGED: "green",
    Standing.MISSING: "yellow",
    Standing.WORTH_A_LOOK: "yellow",
    Standing.WRONG: "red",
}


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def command(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is missing.")] = False,
    wait: Annotated[
        timedelta | None,
        typer.Option(
            parser=_duration, metavar="DURATION", help="Until new indexes can be used, at most so long, such as 15m."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """WEFT_STORE and WEFT_BUS say for which. What exists is left as it is, so the command may be repeated."""
    settings = configured()
    try:
        found = asyncio.run(provision(settings, dry_run=dry_run, wait=wait))
    except BadSettings as error:
        raise CommandFailed(ExitCode.CONFIGURATION, str(error)) from error
    except WeftError as error:
        raise CommandFailed(ExitCode.UNAVAILABLE, error.message) from error
    if as_json:
        print_json(msgspec.to_builtins(found))
    elif found:
        _print(found)
    else:
        console().print(f"nothing to do: the store is {settings.store} and the bus {settings.bus}")
    if any(each.standing is Standing.WRONG for each in found):
        raise CommandFailed(ExitCode.FAILED)


def _print(found: Sequence[Provisioned]) -> None:
    out = console()
    for each in found:
        out.print(f"{each.state:<8}", style=_STYLES[each.standing], end="  ")
        out.print(f"{each.service}: {each.what}{f' ({each.detail})' if each.detail else ''}", soft_wrap=True)
