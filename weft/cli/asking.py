"""Asks a person at the terminal for the answer to a waiting step."""

import json
from collections.abc import Mapping
from typing import Any

import typer

from weft.cli.output import indented_json, plain

_SIMPLE = {"string", "boolean", "integer", "number"}


def ask(waiting_for: Mapping[str, Any]) -> Any:
    """An object with simple properties is asked for property by property, everything else as JSON. The server checks it.

    Raises `typer.Abort` on Ctrl-C and at the end of the input.
    """
    shown = waiting_for["prompt"] if waiting_for["prompt"] is not None else waiting_for["value"]
    if shown is not None:
        typer.echo(indented_json(shown))
    schema = waiting_for["schema"] or {}
    if not isinstance(schema, dict) or not _asks_simply(schema):
        if schema:
            typer.echo(f"\nThe answer fits this schema:\n{indented_json(schema)}\n")
        return _ask_json("answer (JSON)")
    required = schema.get("required", [])
    answer = {}
    for name, wanted in schema["properties"].items():
        value = _ask_property(name, wanted, optional=name not in required)
        if value is not None:
            answer[name] = value
    return answer


def _asks_simply(schema: Mapping[str, Any]) -> bool:
    properties = schema.get("properties")
    return isinstance(properties, dict) and bool(properties) and all(map(_is_simple, properties.values()))


def _is_simple(schema: Any) -> bool:
    return isinstance(schema, dict) and (schema.get("type") in _SIMPLE or "enum" in schema)


def _ask_property(name: str, schema: Mapping[str, Any], *, optional: bool) -> Any:
    """None for an optional one that was left out."""
    label = plain(schema.get("title") or name)
    if schema.get("type") == "boolean" and not optional:
        return typer.confirm(label)
    choices = " | ".join(str(choice) for choice in schema["enum"]) if "enum" in schema else ""
    note = ", ".join(part for part in (plain(choices), "may be left out" if optional else "") if part)
    text = typer.prompt(f"{label} ({note})" if note else label, default="" if optional else None, show_default=False)
    if text == "" and optional:
        return None
    return _typed(text, schema)


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
    """As the schema wants it, where the text allows that; the server says what is wrong with the rest."""
    if "enum" in schema:
        return next((choice for choice in schema["enum"] if str(choice) == text), text)
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return {"y": True, "yes": True, "n": False, "no": False}.get(text.lower(), text)


def _ask_json(label: str) -> Any:
    while True:
        text = typer.prompt(label)
        try:
            return json.loads(text)
        except ValueError as error:
            typer.echo(f"this is not JSON: {error}", err=True)
