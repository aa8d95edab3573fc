"""A server in this process, which says what it has imported when it has given its first answer, and then stops:
`python -m tests.cli.started_server DATA_DIR HEAD_START_SECONDS MODULE...`; it waits for the modules that are named.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from engine.settings import Settings
from tests.patience import PATIENCE_SECONDS
from weft import serve as serving
from weft.cli.json_output import print_json_line

QUERY = "{ stepKinds { name } workflows(first: 1) { totalCount } }"


def main(data_dir: str, head_start_seconds: str, *awaited: str) -> None:
    serving._HEAD_START_SECONDS = float(head_start_seconds)

    def ask(url: str) -> None:
        answer = _answer(url)
        _await(awaited)
        print_json_line({"answer": answer, "modules": sorted(sys.modules)})
        os.kill(os.getpid(), signal.SIGTERM)

    serving.serve(
        Settings(port=0, data_dir=Path(data_dir)), lambda url: threading.Thread(target=ask, args=(url,)).start()
    )


def _answer(url: str) -> Any:
    body = json.dumps({"query": QUERY}).encode()
    with urlopen(Request(f"{url}/graphql", body, {"content-type": "application/json"})) as response:
        return json.load(response)


def _await(modules: tuple[str, ...]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and not sys.modules.keys() >= set(modules):
        time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
