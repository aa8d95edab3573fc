"""The services of compose.yaml, with its commands and settings, as processes on the emulators: all but the containers around them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from tests.emulators import Emulators, project_id

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
SERVERS = ("api-1", "api-2", "worker-1", "worker-2")
PATIENCE_SECONDS = 120


class Deployment:
    """`urls` of the four servers; `weft` runs the command line against one of them."""

    def __init__(self, emulators: Emulators, directory: Path) -> None:
        made = json.loads(
            self._run({}, "token", "new", "--tenant", "acme", "--name", "me", "--role", "admin", "--json")
        )
        self._token: str = made["token"]
        tokens = directory / "tokens.yaml"
        tokens.write_text(json.dumps({"tokens": [made["entry"]]}))
        self._here = {
            "FIRESTORE_EMULATOR_HOST": emulators.firestore,
            "PUBSUB_EMULATOR_HOST": emulators.pubsub,
            "GOOGLE_CLOUD_PROJECT": project_id(),
            "WEFT_TOKENS_FILE": str(tokens),
            "WEFT_DATA_DIR": "/proc/nothing/can/be/written/here",
        }
        self._processes: list[subprocess.Popen[str]] = []
        self.urls: dict[str, str] = {}

    def start(self) -> None:
        self._run(self._environment("provision"), *SERVICES["provision"]["command"])
        for name in SERVERS:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "weft", *SERVICES[name]["command"], "--port", "0", "--json"],
                    cwd=ROOT,
                    env={**_plain_environment(), **self._environment(name)},
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        for name, process in zip(SERVERS, self._processes, strict=True):
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"{name} did not start; its log is above"
            self.urls[name] = json.loads(line)["url"]

    def weft(self, server: str, *arguments: str) -> str:
        return self._run({"WEFT_URL": self.urls[server], "WEFT_TOKEN": self._token}, *arguments)

    def stop(self) -> list[int]:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.communicate(timeout=PATIENCE_SECONDS)
        return [process.returncode for process in self._processes]

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate(timeout=PATIENCE_SECONDS)

    def _environment(self, name: str) -> dict[str, str]:
        # Of the containers' port and host only the image knows.
        return {**SERVICES[name]["environment"], **self._here, "WEFT_HOST": "127.0.0.1"}

    @staticmethod
    def _run(environment: dict[str, str], *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "weft", *arguments],
            cwd=ROOT,
            env={**_plain_environment(), **environment},
            stdout=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=True,
        ).stdout


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}


@pytest.fixture
def deployment(emulators: Emulators, tmp_path: Path) -> Iterator[Deployment]:
    running = Deployment(emulators, tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.mark.timeout(600)
def test_what_one_api_takes_a_worker_does_and_the_other_api_shows(deployment: Deployment) -> None:
    for url in deployment.urls.values():
        for path in ("/healthz", "/readyz", "/metrics"):
            with urlopen(url + path, timeout=PATIENCE_SECONDS) as answer:
                assert answer.status == 200
    deployment.weft("api-1", "apply", "examples/digest/workflow.yaml")
    watched = deployment.weft("api-2", "start", "digest", "--input", "@examples/digest/input.json", "--watch")
    assert "succeeded" in watched
    (execution,) = json.loads(deployment.weft("api-1", "list", "--json"))
    assert execution["status"] == "SUCCEEDED"
    assert deployment.stop() == [0, 0, 0, 0]
