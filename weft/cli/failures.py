"""What people are told when a command cannot do what it should, and how it ends then."""

from collections.abc import Sequence

from weft.cli.api_errors import ApiError, ConnectionLost, NoServer, Refusal, RequestRefused, Unauthenticated
from weft.cli.exit_codes import CommandFailed, ExitCode

_CODES = {"UNAVAILABLE": ExitCode.UNAVAILABLE, "INTERNAL": ExitCode.INTERNAL}


def command_failure(error: ApiError) -> CommandFailed:
    match error:
        case NoServer():
            return CommandFailed(
                ExitCode.UNAVAILABLE,
                f"{error}; start one with `weft serve`, or name another with --url or WEFT_URL",
            )
        case RequestRefused():
            code = _CODES.get(error.code, ExitCode.REFUSED)
            return CommandFailed(code, "\n".join(_refusal_lines(refusal) for refusal in error.refusals))
        case Unauthenticated():
            return CommandFailed(ExitCode.DENIED, str(error))
        case ConnectionLost():
            return CommandFailed(ExitCode.UNAVAILABLE, f"{error}; whether the server carried it out is not known")
        case _:
            return CommandFailed(ExitCode.INTERNAL, str(error))


def path_text(path: Sequence[str]) -> str:
    """`steps[0].with.url`"""
    text = ""
    for part in path:
        text += f"[{part}]" if part.isdigit() else f".{part}" if text else part
    return text


def _refusal_lines(refusal: Refusal) -> str:
    where = f" (at {path_text(refusal.path)})" if refusal.path else ""
    hint = f"\n  hint: {refusal.hint}" if refusal.hint else ""
    wait = refusal.details.get("retryAfter")
    return f"{refusal.message}{where} [{refusal.code}]{hint}" + (f"\n  try again after {wait}" if wait else "")
