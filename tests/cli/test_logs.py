"""What a server writes to its log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from weft.logs import configure_logging


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(log_format: str) -> str:
    stream = io.StringIO()
    configure_logging(log_format, "INFO", stream=stream)
    log = logging.getLogger("engine.somewhere")
    log.debug("not this")
    try:
        int("broken")
    except ValueError:
        log.exception("it %s", "failed", extra={"execution": "ex_1"})
    logging.getLogger("httpx").info("HTTP Request: GET ...")
    return stream.getvalue()


def test_json_lines_hold_one_object_each_with_the_stack_and_the_extra_fields() -> None:
    (line,) = map(json.loads, logged("json").splitlines())
    assert (line["severity"], line["logger"], line["message"]) == ("ERROR", "engine.somewhere", "it failed")
    assert line["execution"] == "ex_1"
    assert "ValueError: invalid literal" in line["exception"]
    assert line["time"].endswith("+00:00")


def test_console_lines_are_for_people() -> None:
    first = logged("console").splitlines()[0]
    assert first.endswith("ERROR   engine.somewhere: it failed")
