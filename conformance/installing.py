"""Installs a suite's packages beside a copy of its programs, unless that was done before."""

import asyncio
import hashlib
import shutil
import sys
from collections.abc import Sequence

from conformance.processes import run_to_end
from conformance.suites import SHARED, Suite

PUBLISHED_BEFORE = "2026-11-20"
"""A suite's own packages have exact versions; what these need in turn is the newest of that day. So everybody installs the same, as
with a lock file, without the thousands of lines of one.
"""
_NPM = (
    *("npm", "install", f"--before={PUBLISHED_BEFORE}", "--ignore-scripts", "--no-package-lock"),
    *("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
)
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--no-deps", "--require-hashes")
_SECONDS = 300
_AT_ONCE = 3


class CannotInstall(Exception):
    """What an installer said, or that there is none."""


def check_tools(suites: Sequence[Suite]) -> None:
    """Raises `CannotInstall`."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing and any(suite.uses_node for suite in suites):
        raise CannotInstall(f"there is no {' and no '.join(missing)}: the suites need Node.js 20 or newer, with npm")


async def install(suites: Sequence[Suite]) -> None:
    """Raises `CannotInstall`."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(suite: Suite) -> None:
        async with places:
            await _install(suite)

    await asyncio.gather(*map(one, suites))


async def _install(suite: Suite) -> None:
    stamp, wanted = suite.installed / ".installed", _digest(suite)
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
        await _run(suite, ".venv/bin/python", *_PIP, "--requirement", suite.manifest.name)
    stamp.write_text(wanted, "utf-8")


def _digest(suite: Suite) -> str:
    """Of what decides about the packages."""
    resolver = PUBLISHED_BEFORE if suite.uses_node else sys.version
    return hashlib.sha256(f"{resolver}\n{suite.manifest.read_text('utf-8')}".encode()).hexdigest()


async def _run(suite: Suite, *command: str) -> None:
    ended = await run_to_end(*command, directory=suite.installed, seconds=_SECONDS)
    if not ended.succeeded:
        raise CannotInstall(f"{suite.name}: {' '.join(command)}\n{ended.said}")
