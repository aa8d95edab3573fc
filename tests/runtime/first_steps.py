"""The first steps of a new process, one of each kind that is loaded late: `python -m tests.runtime.first_steps DATA_DIR`
says how they ended, and what was imported on the event loop's thread meanwhile.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from engine.bootstrap import open_engine
from engine.executors.script import parse_scripts
from engine.settings import Settings
from tests.runtime.client import Client

SCRIPTS = """
models:
  short: {replies: [{reply: a reply}]}
  tools:
    replies:
      - {when: {call: 1}, tool_calls: [{name: read, args: {url: "http://127.0.0.1:9/"}}]}
      - {reply: an answer}
"""
GRAPH = {
    "state": {"said": {"type": "string"}},
    "entry": "ask",
    "nodes": {
        "ask": {"kind": "llm", "with": {"model": "scripted:short", "prompt": "?"}, "update": {"said": "${ output }"}}
    },
    "edges": [{"from": "ask", "to": "END"}],
}
READ = {"name": "read", "parameters": {"type": "object"}, "http": {"url": "http://127.0.0.1:9/"}}
STEPS = (
    {"id": "function", "kind": "function", "with": {"call": "nothing"}},
    {"id": "http", "kind": "http", "on_error": "continue", "with": {"url": "http://127.0.0.1:9/"}},
    {"id": "llm", "kind": "llm", "with": {"model": "scripted:short", "prompt": "?"}},
    {"id": "agent", "kind": "agent", "with": {"model": "scripted:tools", "prompt": "?", "tools": [READ]}},
    {"id": "graph", "kind": "graph", "with": GRAPH},
)


class ImportsOfThisThread(MetaPathFinder):
    """Finds nothing, and remembers what was looked for: modules that are imported for the first time."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        del path, target
        if threading.get_ident() == self._thread:
            self.names.append(name)
        return None


async def main(data_dir: Path) -> None:
    async with open_engine(Settings(data_dir=data_dir), scripts=parse_scripts(SCRIPTS)) as engine:
        client = Client(engine)
        await client.define(*({"needs": [], "on_error": "continue", **step} for step in STEPS))
        imports = ImportsOfThisThread()
        sys.meta_path.insert(0, imports)
        execution_id = (await client.run()).state.id
        sys.meta_path.remove(imports)
        runs = {path: run.run for path, run in (await client.steps(execution_id)).items()}
        failures = {path: run.failure.code for path, run in runs.items() if run.failure is not None}
        sys.stdout.write(json.dumps({"failures": failures, "imported": imports.names}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
