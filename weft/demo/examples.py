"""What an example consists of: the files of its directory.

| file | |
|---|---|
| `workflow.yaml`, `*.workflow.yaml` | the workflow that is started, and those that it calls |
| `functions.py` | functions and graphs, imported by the server |
| `scripts.yaml` | what the scripted models say |
| `stub.py` | a service that the workflow calls; listens on its `PORT` |
| `input.json` | the execution's input |
| `demo.yaml` | a list of `step` and `output`: what a person would answer |
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_PACKAGE = "examples"


class NoExamples(Exception):
    """There are no examples here, or none of that name."""


@dataclass(frozen=True, slots=True)
class Example:
    directory: Path

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def workflows(self) -> list[Path]:
        """The one that is started comes last."""
        main = self.directory / "workflow.yaml"
        return [*sorted(self.directory.glob("*.workflow.yaml")), main]

    @property
    def functions(self) -> str | None:
        return self._module("functions")

    @property
    def stub(self) -> str | None:
        return self._module("stub")

    @property
    def scripts(self) -> Path | None:
        path = self.directory / "scripts.yaml"
        return path if path.exists() else None

    def read_input(self) -> dict[str, Any]:
        given = json.loads((self.directory / "input.json").read_text(encoding="utf-8"))
        assert isinstance(given, dict)
        return given

    def read_answers(self) -> Mapping[str, Any]:
        """Outputs by step."""
        listed = yaml.safe_load((self.directory / "demo.yaml").read_text(encoding="utf-8")) or []
        return {answer["step"]: answer["output"] for answer in listed}

    def _module(self, name: str) -> str | None:
        return f"{_PACKAGE}.{self.name}.{name}" if (self.directory / f"{name}.py").exists() else None


def find_examples(root: Path, names: Sequence[str] = ()) -> list[Example]:
    """Those of the names in their order, or all. `root` is the directory that has `examples`. Raises `NoExamples`."""
    found = {path.parent.name: Example(path.parent) for path in sorted(root.glob(f"{_PACKAGE}/*/workflow.yaml"))}
    if not found:
        raise NoExamples(
            f"there are no examples in {root}: they come with the repository, not with the installed package; "
            "run `weft demo` in a clone of it"
        )
    if unknown := [name for name in names if name not in found]:
        raise NoExamples(f"there is no example {', '.join(unknown)}; there are {', '.join(found)}")
    return [found[name] for name in names] if names else list(found.values())
