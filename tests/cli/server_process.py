"""A server as users start it, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_SECONDS


class ServerProcess:
    """On a data directory; `url` stays the same over restarts."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self._settings = {"WEFT_DATA_DIR": str(data_dir), "WEFT_GRACE": "2s", **settings}
        self._process, announced = self._start(port=0)
        self.url: str = announced["url"]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        return environment(**self._settings)

    def kill(self) -> None:
        """As a crash does."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_SECONDS)

    def restart(self) -> None:
        port = int(self.url.rpartition(":")[2])
        self._process, _ = self._start(port=port)

    def stop(self) -> int:
        """Its exit code, after it was asked to end."""
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=PATIENCE_SECONDS)
        return self._process.returncode

    def _start(self, *, port: int) -> tuple["subprocess.Popen[str]", dict[str, Any]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "weft", "serve", "--port", str(port), "--json"],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the server did not start; its log is above"
        return process, json.loads(line)


def environment(**settings: str) -> dict[str, str]:
    """Without the settings of whoever runs the tests."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}, **settings}
