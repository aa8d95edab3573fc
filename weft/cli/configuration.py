"""The settings of the commands that build an engine themselves."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.settings import BadSettings, Settings, read_settings
from weft.cli.exit_codes import CommandFailed, ExitCode


def configured(**overrides: Any) -> Settings:
    """Of the environment; `overrides` that are not None come first. Raises `CommandFailed` with all that is wrong.

    The modules of WEFT_MODULES may lie in the working directory, which the installed command `weft`, other than
    `python -m weft`, does not search by itself.
    """
    try:
        settings = read_settings(os.environ, **overrides)
    except BadSettings as error:
        raise CommandFailed(ExitCode.CONFIGURATION, "\n".join(error.problems)) from error
    here = str(Path.cwd())
    if settings.modules and here not in sys.path:
        sys.path.insert(0, here)
    return settings


def embedded(settings: Settings, directory: Path) -> Settings:
    """The same for an engine that is only looked at: it asks no service, and its store is empty."""
    return replace(settings, store="sqlite", bus="local", secret_source="environment", data_dir=directory)  # noqa: S106  # the name of a source, not a secret
