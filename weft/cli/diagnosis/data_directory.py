"""The embedded store and where it lies."""

import os
import shutil
from pathlib import Path

from engine.bootstrap import DATABASE, open_store
from engine.domain.errors import WeftError
from engine.settings import Settings
from weft.cli.diagnosis.finding import Finding, bad, good, warning

_LITTLE_SPACE, _TOO_LITTLE_SPACE = 1024**3, 100 * 1024**2


def data_directory(settings: Settings) -> Finding:
    path = settings.data_dir.absolute()
    existing = _existing(path)
    if not existing.is_dir():
        return bad("data directory", f"{existing} is no directory", "set WEFT_DATA_DIR to a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        return bad("data directory", f"{existing} is not writable", "change its owner, or set WEFT_DATA_DIR")
    return good("data directory", str(path) if existing == path else f"{path}, to be created")


def space(settings: Settings) -> Finding:
    free = shutil.disk_usage(_existing(settings.data_dir.absolute())).free
    message = f"{free / 1024**3:.1f} GiB free"
    if free < _TOO_LITTLE_SPACE:
        return bad("disk", message, "make room, or set WEFT_DATA_DIR to another disk")
    if free < _LITTLE_SPACE:
        return warning("disk", message, "make room before it is full")
    return good("disk", message)


async def embedded_store(settings: Settings, *, running: bool) -> Finding:
    """Only a store that exists is opened."""
    file = settings.data_dir / DATABASE
    if not file.exists():
        return good("store", f"{settings.store}, none yet")
    try:
        store = await open_store(settings)
    except WeftError as error:
        if running and "in use" in error.message:
            return good("store", f"{error.message}, the server that runs")
        return bad("store", error.message, "stop that process, set WEFT_DATA_DIR to another directory, or restore it")
    await store.close()
    return good("store", f"{settings.store}, {file.stat().st_size / 1024**2:.1f} MiB, opens")


def _existing(path: Path) -> Path:
    """The path, or the closest directory above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())
