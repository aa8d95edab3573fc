"""The documents that the operator trusts, on disk: a directory, or a list that a client's build made."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.settings import BadSettings
from graphql_api.admission.persisted import sha256_of

_SUFFIXES = (".graphql", ".gql")
_SHA256 = re.compile("[0-9a-f]{64}")


class BadDocuments(BadSettings):
    """`problems` has one line for each thing that is wrong."""


def read_documents(path: Path) -> dict[str, str]:
    """Texts by id, of

    - a directory of `.graphql` files, each one document, whose id is its name;
    - a JSON file `{id: text}`, as Relay and others write it;
    - a JSON file of Apollo's manifest, `{"format": "apollo-persisted-query-manifest", "operations": [{"id", "body"}]}`.

    An id of 64 hexadecimal digits has to be the sha256 of the text. Raises `BadDocuments`.
    """
    try:
        texts = dict(_of_directory(path) if path.is_dir() else _of_file(path))
    except OSError as error:
        raise BadDocuments([f"{path}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise BadDocuments([f"{path}: {error}"]) from error
    problems = [f"{path}: {problem}" for problem in _problems(texts)]
    if problems:
        raise BadDocuments(problems)
    return texts


def _of_directory(path: Path) -> Iterator[tuple[str, str]]:
    for each in sorted(path.iterdir()):
        if each.suffix in _SUFFIXES:
            yield each.stem, each.read_text(encoding="utf-8")


def _of_file(path: Path) -> Iterable[tuple[str, str]]:
    given = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(given, dict) and isinstance(given.get("operations"), list):
        return [_operation(each) for each in given["operations"]]
    if isinstance(given, dict) and all(isinstance(text, str) for text in given.values()):
        return given.items()
    raise ValueError("is neither an object of texts by id nor a manifest with `operations`")


def _operation(given: Any) -> tuple[str, str]:
    if isinstance(given, dict) and isinstance(given.get("id"), str) and isinstance(given.get("body"), str):
        return given["id"], given["body"]
    raise ValueError("an operation of the manifest has an `id` and a `body`")


def _problems(texts: dict[str, str]) -> Iterator[str]:
    if not texts:
        yield "there is no document"
    for name, text in texts.items():
        if _SHA256.fullmatch(name) and sha256_of(text) != name:
            yield f"{name} is not the sha256 of its text"
