"""A server in this process. Apart from the command, as a supervisor has no use for the engine's imports."""

import socket
from collections.abc import Callable

from engine.domain.errors import Unavailable, WeftError
from engine.executors.catalogue import DuplicateKind
from engine.executors.parts import PartsRefused
from engine.settings import BadSettings, Settings
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.serve import EngineDied, serve


def serve_here(settings: Settings, on_listening: Callable[[str], None], listener: socket.socket | None = None) -> None:
    """As `weft.serve.serve`; raises `CommandFailed`, `AddressInUse`, `AddressRefused`."""
    try:
        serve(settings, on_listening, listener)
    except (BadSettings, PartsRefused, DuplicateKind) as error:
        raise CommandFailed(ExitCode.CONFIGURATION, str(error)) from error
    except EngineDied as error:
        raise CommandFailed(ExitCode.INTERNAL, str(error)) from error
    except WeftError as error:
        if error.code != Unavailable.code:
            raise
        raise CommandFailed(ExitCode.IN_USE, error.message) from error
