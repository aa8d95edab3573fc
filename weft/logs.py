"""What a server says while it runs, on standard error: lines for people, or one JSON object a line for machines."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_TALKATIVE = ("httpx", "httpcore", "uvicorn.error", "websockets")
"""Loggers whose INFO is about every request, or about what `serve` says itself."""


def configure_logging(log_format: str, level: str, *, stream: TextIO | None = None) -> None:
    """Replaces what the root logger had. `log_format` is `console` or `json`; `stream` is standard error if not given."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else ConsoleLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("uvicorn.error").addFilter(_NO_HTTP)
    quiet = logging.DEBUG if level == "DEBUG" else logging.WARNING
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(quiet)


class _NoHttp(logging.Filter):
    """uvicorn warns of everything that is no HTTP, and anybody may send as much of it as they like: it is for those who look for it."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != "Invalid HTTP request received." or logging.getLogger().isEnabledFor(logging.DEBUG)


_NO_HTTP = _NoHttp()


class ConsoleLines(logging.Formatter):
    """`14:03:22 WARNING engine.runtime.worker: what happened`, in local time, with the stack below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")


class JsonLines(logging.Formatter):
    """One object a line. `severity` and `time` are the names that log collectors know; what a record was given as
    `extra` stands beside them.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)
