"""`weft apply`"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from weft.cli.api import Api
from weft.cli.api_errors import Refusal, RequestRefused
from weft.cli.arguments import text_of
from weft.cli.documents import CREATE_WORKFLOW, UPDATE_WORKFLOW, WORKFLOW_NODE
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.failures import path_text
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, Url
from weft.cli.output import plain
from weft.cli.session import with_server

_LINE = re.compile(r"(?P<message>.*) \(line (?P<line>\d+)\)", re.DOTALL)
"""How the API writes the line of a problem in YAML into its message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one file. `action` is created, updated, activated, unchanged or refused."""

    file: Path
    action: str
    workflow: dict[str, Any] | None = None
    refusals: tuple[Refusal, ...] = ()


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; - is standard input.")],
    *,
    activate: Annotated[
        bool, typer.Option("--activate/--no-activate", help="Whether new executions use the new version.")
    ] = True,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    texts = [(file, text_of(file, "FILE")) for file in files]

    async def apply_all(api: Api) -> list[Applied]:
        return [await apply(api, file, text, activate=activate) for file, text in texts]

    applied = with_server(url, apply_all)
    if as_json:
        print_json([_json(each) for each in applied])
    else:
        for each in applied:
            _print(each)
    if any(each.action == "refused" for each in applied):
        raise CommandFailed(ExitCode.REFUSED)


async def apply(api: Api, file: Path, text: str, *, activate: bool = True) -> Applied:
    """The server reads the text: there is one reader of the language, and it knows lines. Raises `NoServer`..."""
    try:
        payload = await api.mutate(CREATE_WORKFLOW, definition=text, activate=activate)
    except RequestRefused as refused:
        existing = refused.refusals[0].details.get("existingId") if refused.code == "ALREADY_EXISTS" else None
        if existing is None:
            return _refused(file, refused)
        return await _update(api, file, text, existing, activate=activate)
    return Applied(file=file, action="created", workflow=payload["workflow"])


async def _update(api: Api, file: Path, text: str, workflow_id: str, *, activate: bool) -> Applied:
    before = (await api.query(WORKFLOW_NODE, id=workflow_id))["node"]
    try:
        payload = await api.mutate(UPDATE_WORKFLOW, name=before["name"], definition=text, activate=activate)
    except RequestRefused as refused:
        return _refused(file, refused)
    after = payload["workflow"]
    if after["latestVersion"] != before["latestVersion"]:
        action = "updated"
    else:
        action = "activated" if after["activeVersion"] != before["activeVersion"] else "unchanged"
    return Applied(file=file, action=action, workflow=after)


def _refused(file: Path, refused: RequestRefused) -> Applied:
    """Raises `refused` again where it says nothing about the file."""
    if refused.code in ("UNAVAILABLE", "INTERNAL"):
        raise refused
    return Applied(file=file, action="refused", refusals=refused.refusals)


def _print(applied: Applied) -> None:
    if applied.workflow is None:
        for refusal in applied.refusals:
            typer.echo(_problem_text(applied.file, refusal), err=True)
        return
    version = applied.workflow["latestVersion"]["number"]
    what = f"new version {version}" if applied.action == "updated" else f"{applied.action}, version {version}"
    active = applied.workflow["activeVersion"]
    note = "" if active and active["number"] == version else " (not active)"
    typer.echo(f"{applied.workflow['name']}: {what}{note}")


def _problem_text(file: Path, refusal: Refusal) -> str:
    """`flow.yaml:12: steps[0].with.url: what is wrong`, which editors can jump to."""
    message, line = _split_line(refusal.message)
    path = path_text(_path(refusal))
    parts = [f"{file}:{line}" if line else str(file), *([path] if path else []), plain(message)]
    return ": ".join(parts) + (f"\n  hint: {plain(refusal.hint)}" if refusal.hint else "")


def _path(refusal: Refusal) -> tuple[str, ...]:
    """From the root of the file, not of the mutation's input."""
    return refusal.path[1:] if refusal.path[:1] == ("definition",) else refusal.path


def _split_line(message: str) -> tuple[str, int | None]:
    match = _LINE.fullmatch(message)
    return (match["message"], int(match["line"])) if match else (message, None)


def _json(applied: Applied) -> dict[str, Any]:
    problems = []
    for refusal in applied.refusals:
        message, line = _split_line(refusal.message)
        problems.append(
            {"code": refusal.code, "message": message, "path": _path(refusal), "hint": refusal.hint, "line": line}
        )
    return {
        "file": str(applied.file),
        "action": applied.action,
        "workflow": applied.workflow,
        "problems": problems,
    }
