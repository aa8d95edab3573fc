"""Commands against a server in another process."""

import json
import subprocess
import sys
from typing import Any

from typer.testing import CliRunner, Result

from tests.cli.server_process import ServerProcess
from weft.cli.app import app
from weft.cli.exit_codes import ExitCode


class Shell:
    """Runs commands in this process, for speed; the server is found by the environment."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server

    def __call__(self, *arguments: str, input: str | None = None) -> Result:  # noqa: A002 - as CliRunner calls it
        return CliRunner(env={"WEFT_URL": self.server.url}).invoke(app, arguments, input=input)

    def json(self, *arguments: str) -> Any:
        result = self(*arguments, "--json")
        assert result.exit_code == ExitCode.DONE, result.output
        return json.loads(result.stdout)

    def start(self, workflow: str, given: dict[str, Any], *more: str) -> str:
        return str(self.json("start", workflow, "--input", json.dumps(given), *more)["id"])

    def until_waiting(self, execution: str, step: str) -> None:
        """Reads the log until the step waits. The watching process is ended then."""
        with self.watching(execution) as process:
            assert process.stdout is not None
            for line in process.stdout:
                event = json.loads(line)
                if event["__typename"] == "StepWaiting" and event["stepId"] == step:
                    break
            process.kill()

    def watching(self, execution: str) -> "subprocess.Popen[str]":
        return self.running("watch", execution, "--json")

    def running(self, *arguments: str) -> "subprocess.Popen[str]":
        """In a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "weft", *arguments],
            env={**self.server.environment, "WEFT_URL": self.server.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
