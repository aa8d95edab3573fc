"""Reads values from the command line. Whatever is wrong with them is a usage error."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer


def json_value(text: str, option: str) -> Any:
    """`text` is JSON, `@file` or `-` for standard input."""
    source = _source(text, option)
    try:
        return json.loads(source)
    except ValueError as error:
        raise typer.BadParameter(f"this is not JSON: {error}", param_hint=option) from error


def json_object(text: str, option: str) -> dict[str, Any]:
    value = json_value(text, option)
    if not isinstance(value, dict):
        raise typer.BadParameter('this is JSON, but no object: write {"name": value}', param_hint=option)
    return value


def labels(pairs: Iterable[str], option: str = "--label") -> dict[str, str]:
    found = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise typer.BadParameter(f"{pair!r} is no label: write key=value", param_hint=option)
        found[key] = value
    return found


def text_of(path: Path, option: str) -> str:
    """The text of a file, or of standard input if it is named `-`."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint=option) from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{path} is no UTF-8 text", param_hint=option) from error


def _source(text: str, option: str) -> str:
    if text == "-":
        return text_of(Path("-"), option)
    return text_of(Path(text[1:]), option) if text.startswith("@") else text
