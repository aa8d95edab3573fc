"""The claim on a database file: an operating-system lock, so that it ends with the process however that ends."""

import fcntl
import os
from pathlib import Path

from engine.storage.errors import CannotOpenStore


class FileLock:
    """Holds `<file>.lock` from `acquire` to `release`. The lock file says who holds it. It stays behind: removing it
    would let two processes lock two files of one name.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Creates directories. Raises `CannotOpenStore` at once if anybody, this process included, holds the lock."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotOpenStore(f"{self._database} cannot be opened: {error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise CannotOpenStore(f"{self._database} is in use by process {holder or 'unknown'}") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
