"""`weft schema`"""

import asyncio
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.bootstrap import open_engine
from engine.domain.definition_schema import definition_schema
from engine.executors.catalogue import DuplicateKind
from engine.executors.parts import PartsRefused
from engine.settings import Settings
from graphql_api.schema import build_schema
from weft.cli.configuration import configured, embedded
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.json_output import print_json


class What(StrEnum):
    API = "api"
    DEFINITION = "definition"


def command(
    what: Annotated[
        What, typer.Argument(help="The GraphQL schema (api), or the JSON Schema of workflow files (definition).")
    ] = What.API,
) -> None:
    """`definition` has the step kinds of WEFT_MODULES too."""
    if what is What.API:
        typer.echo(build_schema().as_str())
        return
    try:
        print_json(asyncio.run(_definition_schema(configured())))
    except (PartsRefused, DuplicateKind) as error:
        raise CommandFailed(ExitCode.CONFIGURATION, str(error)) from error


async def _definition_schema(settings: Settings) -> dict[str, Any]:
    """Which kinds there are is known to an engine; this one has a store of its own, for it runs nothing."""
    with tempfile.TemporaryDirectory(prefix="weft-") as directory:
        async with open_engine(embedded(settings, Path(directory))) as engine:
            return definition_schema(engine.services.kinds)
