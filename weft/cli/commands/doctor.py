"""`weft doctor`"""

import asyncio
import os
from dataclasses import asdict

from weft.cli.diagnosis import Finding, Verdict, diagnose
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.json_output import print_json
from weft.cli.options import AsJson
from weft.cli.output import console

_MARKS = {Verdict.GOOD: ("ok", "green"), Verdict.WARNING: ("!!", "yellow"), Verdict.BAD: ("no", "red")}


def command(*, as_json: AsJson = False) -> None:
    findings = asyncio.run(_examine(show=not as_json))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise CommandFailed(ExitCode.FAILED)


async def _examine(*, show: bool) -> list[Finding]:
    findings = []
    async for finding in diagnose(os.environ):
        findings.append(finding)
        if show:
            _print(finding)
    return findings


def _print(finding: Finding) -> None:
    mark, style = _MARKS[finding.verdict]
    out = console()
    out.print(mark, style=style, end="  ")
    out.print(f"{finding.name}: {finding.message}", soft_wrap=True)
    if finding.mend:
        out.print(f"    mend: {finding.mend}", soft_wrap=True)
