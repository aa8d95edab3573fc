"""Steps that come before what runs them has been loaded."""

import json
import subprocess
import sys
from pathlib import Path

OURS_AND_HEAVY = ("engine", "httpcore", "httpx", "langgraph", "langsmith", "requests")


def test_the_first_steps_of_a_process_run_though_all_of_them_have_to_be_loaded_and_none_on_the_event_loop(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "tests.runtime.first_steps", str(tmp_path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    found = json.loads(shown.stdout)
    # Loopback is not allowed to steps; what counts is that the request was made.
    assert found["failures"] == {"function": "function_not_found", "http": "address_not_allowed"}
    assert [name for name in found["imported"] if name.partition(".")[0] in OURS_AND_HEAVY] == []
