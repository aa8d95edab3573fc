"""The suites: a directory each, which holds what to install and what to run."""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
CACHE = REPOSITORY / ".conformance"
"""What was installed, kept from run to run."""
SHARED = HERE / "shared"
"""Modules that the programs import from `./shared`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """`directory` holds `package.json` and `run.mjs`, or `requirements.txt` and `run.py`. The program takes the server's URL,
    the path of the schema and perhaps `--full`; what it prints last is its summary, and its exit code is the verdict.

    `installed` is a copy of the directory with its packages: programs find these beside themselves.
    """

    directory: Path
    installed: Path

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def uses_node(self) -> bool:
        return (self.directory / "package.json").exists()

    @property
    def manifest(self) -> Path:
        return self.directory / ("package.json" if self.uses_node else "requirements.txt")

    @property
    def command(self) -> tuple[str, ...]:
        return ("node", "run.mjs") if self.uses_node else (".venv/bin/python", "run.py")


NAMES = (
    "eslint",
    "schema-linter",
    "inspector",
    "graphql-http",
    "graphql-ws",
    "graphql-sse",
    "relay",
    "apollo",
    "urql",
    "schemathesis",  # last: it changes and deletes whatever it finds
)

SUITES = {name: Suite(directory=HERE / name, installed=CACHE / name) for name in NAMES}
