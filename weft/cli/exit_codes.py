"""How a command ends: the exit codes of `weft`, for scripts."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Those above 64 are the ones of sysexits.h."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    REFUSED = 4
    UNAVAILABLE = 69
    INTERNAL = 70
    IN_USE = 75
    DENIED = 77
    CONFIGURATION = 78
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "done; of a watched execution: it succeeded",
    ExitCode.FAILED: "the execution failed or timed out; `doctor` found something to mend",
    ExitCode.USAGE: "the command line is wrong, or a file that it names",
    ExitCode.CANCELLED: "the watched execution was cancelled",
    ExitCode.REFUSED: "the server refused: invalid, not found, or not possible now",
    ExitCode.UNAVAILABLE: "no server, or it cannot work at the moment: trying again may help",
    ExitCode.INTERNAL: "the server made a mistake; its log says more",
    ExitCode.IN_USE: "`serve`: the port is in use, or the data directory is, or cannot be opened",
    ExitCode.DENIED: "the server asks for a token, or does not accept the one in `WEFT_TOKEN`",
    ExitCode.CONFIGURATION: "`serve`: a setting is wrong, or a module cannot be imported",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C; executions go on",
}


class CommandFailed(Exception):
    """Ends the command. The message goes to standard error; an empty one says nothing more than was said."""

    def __init__(self, code: ExitCode, message: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
