"""`weft version`"""

from importlib.metadata import version

import typer


def command() -> None:
    print_version()


def print_version() -> None:
    typer.echo(f"weft {version('weft')}")
