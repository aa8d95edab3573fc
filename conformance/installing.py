"""Installs a suite's packages beside a copy of its programs, unless that was done before."""

import asyncio
import hashlib
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

from conformance.suites import SHARED, Suite

PUBLISHED_BEFORE = "2026-11-20"
"""A suite's own packages have exact versions; what they need in turn is what was newest on that day. So there is one
resolution, as with a lock file, without the thousands of lines of one.
"""
_NPM = (
    *("npm", "install", f"--before={PUBLISHED_BEFORE}", "--ignore-scripts", "--no-package-lock"),
    *("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
)
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")
_SECONDS = 300


class CannotInstall(Exception):
    """What an installer said."""


def check_tools(suites: list[Suite]) -> None:
    """Raises `CannotInstall`."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing and any(suite.uses_node for suite in suites):
        raise CannotInstall(f"there is no {' and no '.join(missing)}: the suites need Node.js 20 or newer, with npm")


async def install(suite: Suite) -> None:
    """Raises `CannotInstall`."""
    stamp = suite.installed / ".installed"
    wanted = hashlib.sha256(f"{PUBLISHED_BEFORE}{suite.manifest.read_text('utf-8')}".encode()).hexdigest()
    current = stamp.exists() and stamp.read_text("utf-8") == wanted
    if not current:
        shutil.rmtree(suite.installed, ignore_errors=True)
    shutil.copytree(suite.directory, suite.installed, dirs_exist_ok=True)
    shutil.copytree(SHARED, suite.installed / SHARED.name, dirs_exist_ok=True)
    if current:
        return
    if suite.uses_node:
        await _run(suite, *_NPM)
    else:
        await _run(suite, sys.executable, "-m", "venv", ".venv")
        locked = ("--no-deps", "--require-hashes", "--requirement", suite.manifest.name)
        await _run(suite, str(suite.installed / ".venv" / "bin" / "python"), *_PIP, *locked)
    stamp.write_text(wanted, "utf-8")


async def _run(suite: Suite, *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=suite.installed, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env={**os.environ, "CI": "true"}
    )
    try:
        async with asyncio.timeout(_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise CannotInstall(f"{suite.name}: {command[0]} took more than {_SECONDS} s") from error
    if process.returncode:
        raise CannotInstall(f"{suite.name}: {' '.join(command)}\n{said.decode(errors='replace')}")
