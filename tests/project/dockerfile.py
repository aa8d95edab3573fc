"""Enough of Dockerfiles, and of what they leave behind, to test one without an engine."""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Of the JSON form."""
        return list(json.loads(self.text[self.text.index("[") :]))


def instructions(dockerfile: str) -> list[Instruction]:
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines()]


def last_stage(found: list[Instruction]) -> list[Instruction]:
    start = max(index for index, each in enumerate(found) if each.name == "FROM")
    return found[start:]


def environment(found: list[Instruction]) -> dict[str, str]:
    pairs = [pair for each in found if each.name == "ENV" for pair in each.text.split()]
    return dict(pair.split("=", 1) for pair in pairs)


def copied(found: list[Instruction]) -> list[str]:
    """The paths that are copied from the context."""
    copies = [each.text.split() for each in found if each.name == "COPY" and "--from" not in each.text]
    return [source for copy in copies for source in copy[:-1]]


def ignored(path: str, patterns: str) -> bool:
    """Whether `.dockerignore` keeps a file out of the context: the last pattern that fits it, or a folder above it, decides."""
    found = False
    for line in patterns.splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and _fits(path, pattern.removeprefix("!")):
            found = not pattern.startswith("!")
    return found


def _fits(path: str, pattern: str) -> bool:
    above = [PurePosixPath(path), *PurePosixPath(path).parents]
    places = [str(place) for place in above if str(place) != "."]
    if pattern.startswith("**/"):
        return any(fnmatch(place.rpartition("/")[2], pattern.removeprefix("**/")) for place in places)
    return any(fnmatch(place, pattern) and place.count("/") == pattern.count("/") for place in places)
