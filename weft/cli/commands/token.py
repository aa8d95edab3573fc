"""`weft token`"""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.domain.durations import parse_duration
from engine.usecases.caller import Role
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.json_output import print_json
from weft.cli.options import AsJson
from weft.token_file import BadTokenFile, TokenFile
from weft.tokens import digest_of, tenant_id, token_name

PREFIX = "weft_"
"""Of our own tokens, by which scanners find those that were committed by mistake."""
_RANDOM_BYTES = 32

command = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Make tokens for callers of a server, and check the file that lists them (WEFT_TOKENS_FILE).",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@command.command("new")
def new(
    *,
    tenant: Annotated[str, typer.Option(help="Whose data it opens.")],
    name: Annotated[str, typer.Option(help="Who uses it; shown as the actor of what is done with it.")],
    role: Annotated[Role, typer.Option(help="What it allows: a viewer reads, an editor and an admin change too.")],
    expires_in: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long it is valid, such as 90d; unset: until withdrawn.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Makes a token: prints it, this once, and the entry for WEFT_TOKENS_FILE, which does not hold it."""
    token = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    entry: dict[str, Any] = {
        "name": _checked(token_name, name, "--name"),
        "tenant": _checked(tenant_id, tenant, "--tenant"),
        "role": role.value,
        "sha256": digest_of(token).hex(),
    }
    if expires_in is not None:
        until = datetime.now(UTC) + _lifetime(expires_in)
        entry["expires_at"] = until.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    if as_json:
        print_json({"token": token, "entry": entry})
    else:
        _print(token, entry)


@command.command("check")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As WEFT_TOKENS_FILE names it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Says everything that is wrong with a file of tokens, or what it holds."""
    try:
        tokens = TokenFile(file).tokens.values()
    except BadTokenFile as error:
        raise CommandFailed(ExitCode.USAGE, "\n".join(error.problems)) from error
    now = datetime.now(UTC)
    found = {
        "tokens": len(tokens),
        "tenants": len({token.caller.tenant for token in tokens}),
        "expired": sum(not token.valid(now) for token in tokens),
    }
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{file}: " + ", ".join(f"{count} {what}" for what, count in found.items()))


def _print(token: str, entry: dict[str, Any]) -> None:
    """In quotes, since a name such as `123` or `null` would be no text in YAML."""
    lines = [f'{field}: "{value}"' for field, value in entry.items()]
    typer.echo(f"token, shown this once:\n\n  {token}\n\nentry under `tokens:` in WEFT_TOKENS_FILE:\n")
    typer.echo("  - " + "\n    ".join(lines))


def _checked(check: Any, given: str, option: str) -> str:
    try:
        return str(check(given))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _lifetime(text: str) -> timedelta:
    try:
        lifetime = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--expires-in") from error
    if lifetime < timedelta(seconds=1):
        raise typer.BadParameter(f"{text} is over before anybody can use it", param_hint="--expires-in")
    return lifetime
