"""YAML 1.2 into JSON values, with the line of every value.

Built on the parser's events rather than on its objects: composing recurses in C, so a megabyte of `[` would end the
process, and PyYAML's own resolution is that of YAML 1.1, where `on` is true and `1:30` is ninety.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import yaml

from engine.domain.errors import Path, Problem, ValidationFailed
from engine.domain.json_values import MAX_DEPTH

MOST_ALIASED = 100_000
"""Values that aliases may stand for in one document; ten lines of nested aliases could stand for billions."""

_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INT = re.compile(r"[-+]?[0-9]{1,400}|0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ODD_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset({f"{_TAG}{name}" for name in ("int", "float", "bool", "null")})


class _Open(msgspec.Struct):
    """A mapping or sequence that is being read. `key` is that of the value to come."""

    value: Any
    path: Path
    anchor: str | None
    key: str | None = None
    lines: dict[str, int] = {}
    size: int = 1


class _Anchored(msgspec.Struct, frozen=True):
    value: Any
    size: int


def read_yaml(text: str) -> tuple[Any, Mapping[Path, int]]:
    """The one document in the text. Raises ValidationFailed."""
    return _Reading().run(text)


class _Reading:
    """One text under way. Problems that leave the rest readable are collected."""

    def __init__(self) -> None:
        self._root: list[Any] = []
        self._lines: dict[Path, int] = {}
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._aliased = 0
        self._problems: list[Problem] = []

    def run(self, text: str) -> tuple[Any, Mapping[Path, int]]:
        documents = 0
        for event in _events(text):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _refusal("a file holds one document; start another file for the next", (), event)
            self._take(event)
        if self._problems:
            raise ValidationFailed(self._problems)
        if not self._root:
            raise ValidationFailed([Problem(message="the definition is empty", line=1)])
        return self._root[0], self._lines

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event)
        elif self._expects_key() and isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            self._set_key(event)
        elif isinstance(event, yaml.ScalarEvent):
            path = self._next_path(event)
            self._put(_scalar(event, path), 1, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._next_path(event)
            self._put_alias(event)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if self._expects_key():
            raise _refusal("a key is text, not a list or an object", self._open[-1].path, event)
        path = self._next_path(event)
        if len(self._open) >= MAX_DEPTH:
            raise _refusal(f"the definition is nested more than {MAX_DEPTH} levels deep", path, event)
        if event.tag not in (None, f"{_TAG}map", f"{_TAG}seq"):
            raise _refusal(f"the tag {event.tag} has no meaning here", path, event)
        self._open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], path, event.anchor))

    def _close(self) -> None:
        done = self._open.pop()
        self._put(done.value, done.size, done.anchor)

    def _put(self, value: Any, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = _Anchored(value, size)
        if not self._open:
            self._root.append(value)
            return
        owner = self._open[-1]
        owner.size += size
        if isinstance(owner.value, list):
            owner.value.append(value)
        elif owner.key is not None:
            owner.value[owner.key] = value
            owner.key = None

    def _put_alias(self, event: yaml.AliasEvent) -> None:
        """The value itself, not a copy: nothing changes a definition in place."""
        anchored = self._anchors.get(event.anchor or "")
        if anchored is None:
            raise _refusal(f"there is no complete value &{event.anchor} before this alias", self._path(), event)
        self._aliased += anchored.size
        if self._aliased > MOST_ALIASED:
            raise _refusal(f"the aliases stand for more than {MOST_ALIASED:,} values", self._path(), event)
        self._put(anchored.value, anchored.size, None)

    def _expects_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _set_key(self, event: yaml.ScalarEvent | yaml.AliasEvent) -> None:
        owner = self._open[-1]
        anchored = self._anchors.get(event.anchor or "") if isinstance(event, yaml.AliasEvent) else None
        key = _scalar(event, owner.path) if isinstance(event, yaml.ScalarEvent) else anchored and anchored.value
        line = _line(event)
        if not isinstance(key, str):
            written = event.value if isinstance(event, yaml.ScalarEvent) else f"*{event.anchor}"
            self._problems.append(
                Problem(message=f"the key {written} is not text: put it in quotes", path=owner.path, line=line)
            )
            key = written
        elif key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            message = "YAML 1.2 has no merge keys (<<): write the fields out"
            self._problems.append(Problem(message=message, path=owner.path, line=line))
        elif key in owner.lines:
            message = f"the key '{key}' is written twice: in line {owner.lines[key]} and in line {line}"
            self._problems.append(Problem(message=message, path=(*owner.path, key), line=line))
        if isinstance(event, yaml.ScalarEvent) and event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(key, 1)
        owner.lines.setdefault(key, line)
        owner.key = key

    def _path(self) -> Path:
        if not self._open:
            return ()
        owner = self._open[-1]
        return (*owner.path, str(len(owner.value)) if isinstance(owner.value, list) else owner.key or "")

    def _next_path(self, event: yaml.Event) -> Path:
        """The path of the value that begins with this event. A value in an object begins where its key does."""
        path = self._path()
        owner = self._open[-1] if self._open else None
        own_line = _line(event)
        self._lines[path] = owner.lines[owner.key] if owner is not None and owner.key is not None else own_line
        return path


def _events(text: str) -> Iterator[yaml.Event]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ": ".join(part for part in (error.context, error.problem) if part)
        raise ValidationFailed([Problem(message=message, line=mark.line + 1 if mark else None)]) from error
    except yaml.YAMLError as error:
        raise ValidationFailed([Problem(message=f"the text is not YAML: {error}")]) from error


def _scalar(event: yaml.ScalarEvent, path: Path) -> Any:
    plain = event.implicit[0] if event.tag is None else event.tag in _PLAIN_TAGS
    if event.tag is not None and event.tag not in (f"{_TAG}str", "!", *_PLAIN_TAGS):
        raise _refusal(f"the tag {event.tag} has no meaning here", path, event)
    return _resolved(event.value) if plain else event.value


def _resolved(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[1:2] in ("o", "x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _ODD_FLOAT.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None  # only events made by hand have none
    return event.start_mark.line + 1


def _refusal(message: str, path: Path, event: yaml.Event) -> ValidationFailed:
    return ValidationFailed([Problem(message=message, path=path, line=_line(event))])
