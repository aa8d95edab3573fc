"""A real server process, to be killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.parts import CALLS
from tests.patience import PATIENCE_SECONDS


class Server:
    """`python -m weft serve` on a free port, with its data in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.calls = directory / "calls.txt"
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WEFT_")},
            "WEFT_DATA_DIR": str(self._directory / "data"),
            "WEFT_MODULES": "tests.e2e.parts",
            CALLS: str(self.calls),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "weft", "serve", "--port", "0", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait(PATIENCE_SECONDS)
            self._close()
            raise AssertionError(f"the server ended with code {code} before it listened")
        self.url = json.loads(line)["url"]

    def kill(self) -> None:
        """As the kernel does when memory is short: no goodbye."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE_SECONDS)
        self._close()

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(PATIENCE_SECONDS)
        self._close()
        return code

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _close(self) -> None:
        assert self._process is not None
        if self._process.stdout is not None:
            self._process.stdout.close()
