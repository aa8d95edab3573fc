"""The file of tokens on disk, read again whenever it has changed."""

import os
from pathlib import Path

from engine.domain.errors import Problem, ValidationFailed
from engine.settings import BadSettings
from weft.tokens import Tokens, read_tokens

_Version = tuple[int, int, int]
"""Time of the last change, size, and which file it is: Kubernetes replaces a mounted secret by another file."""


class BadTokenFile(BadSettings):
    """`problems` has one line for each thing that is wrong, such as `tokens.yaml:3: tokens[0].role: ...`."""


class TokenFile:
    """`tokens` are those of the last version that was right. Whatever reads blocks: for a `stat` where nothing has changed, for
    0.1 ms a token where something has.
    """

    def __init__(self, path: Path) -> None:
        """Raises `BadTokenFile`, also where there is no token: then nobody could call."""
        self.path = path
        self._seen: _Version | None = None
        self.tokens: Tokens = self._read()
        if not self.tokens:
            raise _bad(path, Problem(message="there is no token, so nobody could call", path=("tokens",)))

    def refresh(self) -> bool:
        """Whether the file has been changed. Raises `BadTokenFile`; the tokens stay as they were then.

        A list that is empty by now is taken for what it says: the last token was withdrawn.
        """
        try:
            if _version(self.path.stat()) == self._seen:
                return False
        except OSError as error:
            raise _bad(self.path, _unreadable(error)) from error
        self.tokens = self._read()
        return True

    def _read(self) -> Tokens:
        try:
            with self.path.open("rb") as file:
                version, content = _version(os.fstat(file.fileno())), file.read()
        except OSError as error:
            raise _bad(self.path, _unreadable(error)) from error
        self._seen = version
        try:
            return read_tokens(content.decode())
        except UnicodeDecodeError as error:
            raise _bad(self.path, Problem(message="the file is no UTF-8 text")) from error
        except ValidationFailed as error:
            raise _bad(self.path, *error.problems) from error


def _version(status: os.stat_result) -> _Version:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _unreadable(error: OSError) -> Problem:
    return Problem(message=f"the file cannot be read: {error.strerror}")


def _bad(path: Path, *problems: Problem) -> BadTokenFile:
    return BadTokenFile([_line(path, problem) for problem in problems])


def _line(path: Path, problem: Problem) -> str:
    place = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in problem.path).removeprefix(".")
    where = str(path) if problem.line is None else f"{path}:{problem.line}"
    return ": ".join(part for part in (where, place, problem.message) if part)
