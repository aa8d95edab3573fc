"""A group of commands, each of which is imported when it is called: `weft get` must not wait for the engine's imports."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from weft.cli.api_errors import ApiError
from weft.cli.exit_codes import CommandFailed
from weft.cli.failures import command_failure
from weft.collection import without_collection

COMMANDS = {
    "serve": "Run the server: API, worker and timers in one process.",
    "demo": "Run the examples on a server of their own, and watch them.",
    "doctor": "Check the installation and its settings, and say what to mend.",
    "provision": "Create what the store and the bus need on Google Cloud, where it is missing.",
    "schema": "Print the GraphQL schema, or the JSON Schema of workflow files.",
    "apply": "Create or update workflows from files.",
    "workflows": "List workflows.",
    "start": "Start an execution.",
    "watch": "Watch an execution until it ends.",
    "get": "Show an execution and its steps.",
    "list": "List executions, newest first.",
    "waiting": "List the steps that wait for people.",
    "approve": "Answer a waiting step.",
    "signal": "Send a signal to an execution.",
    "pause": "Pause an execution: steps that run end, and none begins.",
    "resume": "Resume a paused execution.",
    "cancel": "Cancel an execution.",
    "retry": "Run a failed, cancelled or timed-out execution again, keeping what it recorded.",
    "trigger": "Let events, times and webhooks start workflows.",
    "event": "Publish events.",
    "token": "Make tokens for callers of a server, and check the file that lists them.",
    "version": "Print the version.",
}
"""Name and summary of every command; the module `weft.cli.commands.<name>` has the function `command`, or a group of that name."""


class LazyGroup(TyperGroup):
    """The commands of `weft`; those of a group within it are its subclass's to name."""

    PACKAGE: ClassVar[str] = "weft.cli.commands"
    COMMANDS: ClassVar[Mapping[str, str]] = COMMANDS

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, summary in self.COMMANDS.items():
            self.add_command(TyperCommand(name, help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """`ctx` and the command are of classes that Typer keeps to itself."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else self._loaded(name), rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CommandFailed as failure:
            raise _exit(failure) from failure
        except ApiError as error:
            raise _exit(command_failure(error)) from error

    def _loaded(self, name: str) -> Any:
        with without_collection():
            module = import_module(f"{self.PACKAGE}.{name}")
        if isinstance(module.command, typer.Typer):
            return get_command(module.command)
        app = typer.Typer(add_completion=False)
        app.command(name, help=self.COMMANDS[name])(module.command)
        return get_command(app)


def _exit(failure: CommandFailed) -> typer.Exit:
    if failure.message:
        typer.echo(f"weft: {failure.message}", err=True)
    return typer.Exit(failure.code)
