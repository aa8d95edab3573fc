"""The command `weft`."""

from typing import Annotated

import typer

from weft.cli.commands.version import print_version
from weft.cli.exit_codes import MEANINGS
from weft.cli.lazy_group import LazyGroup

_EPILOG = "Exit codes:\n" + "\n".join(f"{code.value:>4}  {meaning}" for code, meaning in MEANINGS.items())

app = typer.Typer(
    name="weft",
    cls=LazyGroup,
    no_args_is_help=True,
    help="Durable AI-agent workflows behind a GraphQL API.",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer passes the flag so
    if asked:
        print_version()
        raise typer.Exit


@app.callback()
def weft(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    del version


def main() -> None:
    app()
