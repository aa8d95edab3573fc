"""What a server imports to give its first answer, and what it loads once it has. Modules, not seconds: they tell the same
on every machine.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.executors.late import LATE
from tests.cli.server_process import environment
from tests.patience import PATIENCE_SECONDS

NOT_TO_START = (
    *LATE,
    "google.api_core",
    "google.cloud",
    "grpc",
    "httpx",
    "langchain",
    "langchain_core",
    "langgraph",
    "langsmith",
    "mcp",
    "openai",
    "rich",
)
NEVER_BY_ITSELF = ("google.api_core", "google.cloud", "grpc", "langchain_openai", "mcp", "openai")


def started(data_dir: Path, *arguments: str) -> dict[str, Any]:
    shown = subprocess.run(
        [sys.executable, "-m", "tests.cli.started_server", str(data_dir), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
        timeout=PATIENCE_SECONDS + 10,
    )
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def test_the_first_answer_waits_for_nothing_that_only_steps_need(tmp_path: Path) -> None:
    found = started(tmp_path, "600")
    assert found["answer"]["data"]["workflows"] == {"totalCount": 0}
    assert {"name": "agent"} in found["answer"]["data"]["stepKinds"]
    assert [name for name in NOT_TO_START if name in found["modules"]] == []


def test_a_server_that_has_answered_loads_what_steps_need_without_being_asked(tmp_path: Path) -> None:
    found = started(tmp_path, "0", *LATE)
    assert set(LATE) <= set(found["modules"])
    assert [name for name in NEVER_BY_ITSELF if name in found["modules"]] == []
