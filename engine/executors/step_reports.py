"""What user code says while it runs (progress and log records), handed to its step on the event loop."""

import asyncio
import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

from engine.executors.failures import clean_text
from engine.executors.port import StepContext
from engine.executors.python_values import NotJson, to_json

MOST_LOG_RECORDS = 200
"""Of one attempt. A loop that logs must not fill the execution's event log."""

_ENGINE = "engine."
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class StepReports:
    """Of one attempt, made on the event loop. Its methods may be called from any thread, and do nothing once it is
    closed: a call abandoned in its thread no longer speaks for the step.
    """

    def __init__(self, step: StepContext) -> None:
        self._step = step
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._open = True
        self._logged = 0

    def write(self, chunk: Any) -> None:
        """LangGraph's stream writer. Of a dict, `message` (a string) and `fraction` (0..1) are what they are called;
        the rest, or any other value, is the data. What is no JSON is sent as its `repr`.
        """
        if not isinstance(chunk, dict):
            self._on_loop(self._progress, None, None, _shown(chunk))
            return
        rest = dict(chunk)
        message = rest.pop("message") if isinstance(rest.get("message"), str) else None
        fraction = rest.pop("fraction") if _is_number(rest.get("fraction")) else None
        self._on_loop(self._progress, message, fraction, _shown(rest) if rest else None)

    def log(self, record: logging.LogRecord) -> None:
        self._on_loop(self._log, record.levelname.lower(), clean_text(record.getMessage()), _fields(record))

    def close(self) -> None:
        self._open = False

    def _on_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        if not self._open:
            return
        if threading.get_ident() == self._thread:
            call(*arguments)
        else:
            self._loop.call_soon_threadsafe(call, *arguments)

    def _progress(self, message: str | None, fraction: float | None, data: Any) -> None:
        if self._open:
            bounded = None if fraction is None else min(1.0, max(0.0, float(fraction)))
            self._step.progress(message=message and clean_text(message), fraction=bounded, data=data)

    def _log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        if not self._open or self._logged > MOST_LOG_RECORDS:
            return
        self._logged += 1
        if self._logged <= MOST_LOG_RECORDS:
            self._step.log(level, message, fields)
        else:
            self._step.log("warning", f"more than {MOST_LOG_RECORDS} log records: the rest of this attempt is left out")


_Captured = tuple["StepLogs", StepReports]

_captured: ContextVar[_Captured | None] = ContextVar("weft_step_reports", default=None)


class StepLogs(logging.Handler):
    """Gives standard log records of level INFO and above, emitted inside of `capture`, to the step they come from.
    Installed on `logger` while it is entered as a context.
    """

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self.close()

    @contextmanager
    def capture(self, reports: StepReports) -> Iterator[None]:
        token = _captured.set((self, reports))
        try:
            yield
        finally:
            _captured.reset(token)

    def emit(self, record: logging.LogRecord) -> None:
        captured = _captured.get()
        # Another engine of this process has a handler of its own; our own records are the operator's, not the step's.
        if captured is None or captured[0] is not self or record.name.startswith(_ENGINE):
            return
        try:
            captured[1].log(record)
        except Exception:  # noqa: BLE001 - a record that cannot be formatted goes where logging sends such errors
            self.handleError(record)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = {name: _shown(value) for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
    if record.exc_info and record.exc_info[1]:
        fields["exception"] = clean_text("".join(traceback.format_exception(record.exc_info[1])))
    return {"logger": record.name, **fields}


def _shown(value: Any) -> Any:
    try:
        return to_json(value)
    except NotJson:
        return clean_text(repr(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not NaN
