"""What `weft doctor` looks at. It changes nothing: no execution is started or taken over."""

import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

import httpx

from engine.bootstrap import DATABASE, open_engine, open_store
from engine.domain.errors import WeftError
from engine.executors.catalogue import DuplicateKind
from engine.executors.parts import PartsRefused
from engine.settings import BadSettings, Settings
from weft.cli.address import server_address
from weft.cli.api import connect
from weft.cli.api_errors import ApiError, Unauthenticated
from weft.cli.configuration import configured
from weft.cli.credentials import TokenRefused, authorization
from weft.cli.documents import HEALTH
from weft.cli.exit_codes import CommandFailed
from weft.serve import AddressInUse, AddressRefused, listen
from weft.token_file import BadTokenFile, TokenFile

_NEEDED_PYTHON = (3, 11)
_LITTLE_SPACE, _TOO_LITTLE_SPACE = 1024**3, 100 * 1024**2


class Verdict(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`mend` says what to do about it."""

    name: str
    verdict: Verdict
    message: str
    mend: str | None = None


def _good(name: str, message: str) -> Finding:
    return Finding(name=name, verdict=Verdict.GOOD, message=message)


def _bad(name: str, message: str, mend: str) -> Finding:
    return Finding(name=name, verdict=Verdict.BAD, message=message, mend=mend)


async def diagnose(environment: Mapping[str, str]) -> AsyncIterator[Finding]:
    """One finding after the other; those that need valid settings only if they are."""
    yield _python()
    try:
        settings = configured()
    except CommandFailed as error:
        for problem in error.message.splitlines():
            yield _bad("settings", problem, "correct it or unset it; the README lists every name")
        return
    names = sorted(name for name in environment if name.startswith("WEFT_"))
    yield _good("settings", ", ".join(names) or "all defaults")
    yield _data_dir(settings)
    yield _space(settings)
    running = await _running_server(environment)
    yield await _store(settings, running=running is not None)
    if settings.auth == "token" and settings.tokens_file is not None:
        yield _tokens(settings.tokens_file)
    yield await _parts(settings)
    yield _good("bus", "in this process" if settings.bus == "local" else settings.bus)
    yield running or _address(settings)


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _NEEDED_PYTHON:
        return _bad("python", f"{found} at {sys.executable}", "install weft with Python 3.11 or newer")
    return _good("python", f"{found}, weft {version('weft')}")


def _existing(path: Path) -> Path:
    """The path, or the closest directory above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())


def _data_dir(settings: Settings) -> Finding:
    path = settings.data_dir.absolute()
    existing = _existing(path)
    if not existing.is_dir():
        return _bad("data directory", f"{existing} is no directory", "set WEFT_DATA_DIR to a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        return _bad("data directory", f"{existing} is not writable", "change its owner, or set WEFT_DATA_DIR")
    return _good("data directory", str(path) if existing == path else f"{path}, to be created")


def _space(settings: Settings) -> Finding:
    free = shutil.disk_usage(_existing(settings.data_dir.absolute())).free
    message = f"{free / 1024**3:.1f} GiB free"
    if free < _TOO_LITTLE_SPACE:
        return _bad("disk", message, "make room, or set WEFT_DATA_DIR to another disk")
    if free < _LITTLE_SPACE:
        return Finding(name="disk", verdict=Verdict.WARNING, message=message, mend="make room before it is full")
    return _good("disk", message)


async def _store(settings: Settings, *, running: bool) -> Finding:
    """Only a store that exists is opened."""
    file = settings.data_dir / DATABASE
    if not file.exists():
        return _good("store", f"{settings.store}, none yet")
    try:
        store = await open_store(settings)
    except WeftError as error:
        if running and "in use" in error.message:
            return _good("store", f"{error.message}, the server that runs")
        return _bad("store", error.message, "stop that process, set WEFT_DATA_DIR to another directory, or restore it")
    await store.close()
    return _good("store", f"{settings.store}, {file.stat().st_size / 1024**2:.1f} MiB, opens")


async def _parts(settings: Settings) -> Finding:
    """Whether an engine comes up with these modules, scripts and prices: one with a store of its own, that runs nothing."""
    try:
        with tempfile.TemporaryDirectory(prefix="weft-") as directory:
            async with open_engine(replace(settings, data_dir=Path(directory))) as engine:
                kinds, functions = len(engine.services.kinds), len(engine.functions)
    except (PartsRefused, DuplicateKind) as error:
        return _bad("modules", str(error), "correct the module, or WEFT_MODULES; it is searched in this directory too")
    except BadSettings as error:
        return _bad("modules", str(error), "correct the file, or the setting that names it")
    return _good("modules", f"{', '.join(settings.modules) or 'none'}: {functions} functions, {kinds} step kinds")


def _tokens(path: Path) -> Finding:
    try:
        tokens = TokenFile(path).tokens.values()
    except BadTokenFile as error:
        return _bad("tokens", str(error), "correct the file; `weft token new` prints an entry as it should be")
    ended = sum(not token.valid(datetime.now(UTC)) for token in tokens)
    if ended:
        message = f"{path}: {ended} of {len(tokens)} have expired"
        return Finding(name="tokens", verdict=Verdict.WARNING, message=message, mend="replace them, or take them out")
    return _good("tokens", f"{path}: {len(tokens)}")


async def _running_server(environment: Mapping[str, str]) -> Finding | None:
    """What answers where clients look for a server; None if nothing of ours does."""
    try:
        address = server_address(environment)
        async with connect(address, authorization(environment, address)) as api:
            health = (await api.query(HEALTH))["health"]
    except (Unauthenticated, TokenRefused) as error:
        return Finding(
            name="server", verdict=Verdict.WARNING, message=str(error), mend="set WEFT_TOKEN to a token of it"
        )
    except (ApiError, ValueError, httpx.HTTPError):
        return None
    message = f"weft {health['version']} answers at {api.address.url}: {health['status']}"
    if health["status"] != "SERVING":
        return _bad("server", message, "its log and /readyz say what is wrong")
    return _good("server", message)


def _address(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    try:
        with closing(listen(settings)):
            return _good("address", f"{where} is free")
    except AddressInUse:
        return _bad("address", f"{where} is in use by something else", "choose another with --port or WEFT_PORT")
    except AddressRefused as error:
        return _bad("address", str(error), "set WEFT_HOST to 127.0.0.1")
