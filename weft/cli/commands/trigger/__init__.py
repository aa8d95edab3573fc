"""`weft trigger`"""

from collections.abc import Mapping
from typing import ClassVar

import typer

from weft.cli.lazy_group import LazyGroup


class TriggerCommands(LazyGroup):
    PACKAGE = __name__
    COMMANDS: ClassVar[Mapping[str, str]] = {
        "apply": "Create or update triggers from files.",
        "list": "List triggers, newest first.",
        "show": "Show a trigger: what it listens to, when it fires, what it did.",
        "fire": "Start an execution now, whatever the trigger's condition, limits and status.",
        "pause": "Let a trigger start nothing.",
        "resume": "Let a paused trigger go on.",
        "preview": "Show the times at which a schedule fires next.",
        "deliveries": "List what a trigger did with events, newest first; or follow it live.",
        "replay": "Start an execution for the event of a delivery.",
        "backfill": "Start an execution for each scheduled time of a past range.",
        "rotate": "Give a webhook another address; the old one leads nowhere from then on.",
        "delete": "Delete a trigger. What it started goes on.",
    }


command = typer.Typer(
    cls=TriggerCommands,
    no_args_is_help=True,
    add_completion=False,
    help="Let events, times and webhooks start workflows.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@command.callback()
def trigger() -> None:
    """A group, whose commands are found by their names."""
