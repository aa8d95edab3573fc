"""schemathesis: makes requests of everything that the schema allows, and some that it does not."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EXAMPLES, FULL_EXAMPLES = 10, 340
"""For each operation; there are about thirty."""
REPORT = Path("report.json")

KNOWN = """{
  executions(first: 20) { edges { cursor node { id version { id } steps { nodes { id stepId } } } } }
  workflows { edges { cursor node { id name } } }
  waitingSteps { edges { cursor node { step { stepId } } } }
}"""


def main() -> int:
    url, _, *options = sys.argv[1:]
    full = "--full" in options
    _write_dictionaries(_ask(url, KNOWN))
    REPORT.unlink(missing_ok=True)
    command = (
        *(".venv/bin/schemathesis", "run", f"{url}/graphql", "--no-color", "--continue-on-failure"),
        *("--max-examples", str(FULL_EXAMPLES if full else EXAMPLES)),
        *(() if full else ("--generation-deterministic",)),
        *("--report", "json", "--report-json-path", str(REPORT)),
    )
    done = subprocess.run(command, check=False)
    if REPORT.exists():
        report = json.loads(REPORT.read_text("utf-8"))
        cases, operations = report["test_cases"], report["operations"]
        print(
            f"{cases['generated']} requests of {operations['tested']} operations, {cases['unique_failures']} failures"
        )
    return done.returncode


def _write_dictionaries(found: dict[str, Any]) -> None:
    edges = {listing: connection["edges"] for listing, connection in found.items()}
    _write("known", _texts([edge["node"] for listing in edges.values() for edge in listing]))
    for listing, listed in edges.items():
        _write(listing, [edge["cursor"] for edge in listed])


def _write(name: str, texts: Iterable[str]) -> None:
    """One quoted text a line, as fuzzers have it."""
    lines = [f"{json.dumps(text)}\n" for text in sorted(set(texts))]
    Path(f"{name}.txt").write_text("".join(lines), "utf-8")


def _ask(url: str, query: str) -> Any:
    request = urllib.request.Request(
        f"{url}/graphql", json.dumps({"query": query}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


def _texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for item in value.values() for text in _texts(item)]
        case list():
            return [text for item in value for text in _texts(item)]
        case _:
            return []


if __name__ == "__main__":
    sys.exit(main())
