"""`weft trigger apply`"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.domain.errors import Problem
from engine.domain.triggers.form import TriggerFile, form_path
from weft.cli.api import Api
from weft.cli.api_errors import Refusal, RequestRefused
from weft.cli.arguments import text_of
from weft.cli.documents import CREATE_TRIGGER, TRIGGER, UPDATE_TRIGGER
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.failures import path_text
from weft.cli.json_output import print_json
from weft.cli.options import AsJson, Url
from weft.cli.output import plain
from weft.cli.session import with_server
from weft.cli.trigger_files import WrittenTrigger, read_triggers
from weft.cli.trigger_inputs import has_rules, new_trigger_of, rules_of, source_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one trigger of a file. `action` is created, updated, unchanged or refused; with --dry-run, what it would be."""

    file: Path
    action: str
    name: str | None = None
    trigger: dict[str, Any] | None = None
    problems: Sequence[Problem] = ()


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; - is standard input.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")] = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """A file has one trigger, a list of them, or several YAML documents. Triggers that it does not name stay as they are."""
    written = [trigger for file in files for trigger in read_triggers(file, text_of(file, "FILE"))]

    async def apply_all(api: Api) -> list[Applied]:
        return [await _apply(api, each, dry_run=dry_run) for each in written]

    applied = with_server(url, apply_all)
    if as_json:
        print_json([_json(each) for each in applied])
    else:
        for each in applied:
            _print(each, dry_run=dry_run)
    if any(each.action == "refused" for each in applied):
        raise CommandFailed(ExitCode.REFUSED)


async def _apply(api: Api, written: WrittenTrigger, *, dry_run: bool) -> Applied:
    form = written.form
    if form is None:
        return Applied(file=written.file, action="refused", problems=written.problems)
    existing = (await api.query(TRIGGER, name=form.name))["trigger"]
    if existing and (obstacles := _obstacles(form, existing)):
        return _refused(written, form, obstacles)
    rules = rules_of(form)
    action = "created" if not existing else "unchanged" if has_rules(existing, rules) else "updated"
    if dry_run or action == "unchanged":
        return Applied(file=written.file, action=action, name=form.name, trigger=existing)
    try:
        if existing:
            payload = await api.mutate(UPDATE_TRIGGER, **rules)
        else:
            payload = await api.mutate(CREATE_TRIGGER, **new_trigger_of(form))
    except RequestRefused as refused:
        if refused.code in ("UNAVAILABLE", "INTERNAL"):
            raise
        return _refused(written, form, [_problem(written, refusal) for refusal in refused.refusals])
    return Applied(file=written.file, action=action, name=form.name, trigger=payload["trigger"])


def _obstacles(form: TriggerFile, existing: dict[str, Any]) -> list[Problem]:
    """What can not be changed of a trigger."""
    advice = f"delete it (weft trigger delete {form.name}) and apply again, or give this one another name"
    found = []
    ((kind, _),) = existing["config"].items()
    ((wanted, _),) = source_of(form).items()
    if kind != wanted:
        message = f"trigger {form.name} listens to a {kind}, and not to a {wanted}: that cannot be changed"
        found.append(Problem(message=message, path=(wanted,), hint=advice))
    workflow = existing["workflow"]["name"]
    if workflow != form.workflow:
        message = f"trigger {form.name} starts {workflow}, and not {form.workflow}: that cannot be changed"
        found.append(Problem(message=message, path=("workflow",), hint=advice))
    if existing["maxAttempts"] != form.max_attempts:
        message = f"trigger {form.name} tries {existing['maxAttempts']} times, and not {form.max_attempts}: that cannot be changed"
        found.append(Problem(message=message, path=("max_attempts",), hint=advice))
    return found


def _problem(written: WrittenTrigger, refusal: Refusal) -> Problem:
    return Problem(message=refusal.message, path=form_path(refusal.path, written.written), hint=refusal.hint)


def _refused(written: WrittenTrigger, form: TriggerFile, problems: Sequence[Problem]) -> Applied:
    placed = [written.placed(problem) for problem in problems]
    return Applied(file=written.file, action="refused", name=form.name, problems=placed)


def _print(applied: Applied, *, dry_run: bool) -> None:
    for problem in applied.problems:
        typer.echo(_problem_text(applied.file, problem), err=True)
    if applied.action != "refused":
        typer.echo(
            f"{applied.name}: {applied.action if applied.action == 'unchanged' or not dry_run else f'would be {applied.action}'}"
        )
        address = applied.trigger["webhookUrl"] if applied.trigger and not dry_run else None
        if address:
            typer.echo(f"  {address}")


def _problem_text(file: Path, problem: Problem) -> str:
    """`orders.yaml:12: schedule.cron: what is wrong`, which editors can jump to."""
    path = path_text(problem.path)
    parts = [f"{file}:{problem.line}" if problem.line else str(file), *([path] if path else []), plain(problem.message)]
    return ": ".join(parts) + (f"\n  hint: {plain(problem.hint)}" if problem.hint else "")


def _json(applied: Applied) -> dict[str, Any]:
    return {
        "file": str(applied.file),
        "name": applied.name,
        "action": applied.action,
        "trigger": applied.trigger,
        "problems": [
            {"message": each.message, "path": each.path, "hint": each.hint, "line": each.line}
            for each in applied.problems
        ],
    }
