"""What people get to see."""

import pytest

from weft.cli.failures import path_text
from weft.cli.output import duration, one_line, plain


def test_text_of_strangers_cannot_steer_the_terminal() -> None:
    assert plain("a\x1b[2Jb\x07\x9bc\r") == "a\ufffd[2Jb\ufffd\ufffdc\ufffd"
    assert plain("line\n\tnext") == "line\n\tnext"


def test_a_value_in_one_line_is_bounded() -> None:
    assert one_line({"a": ["b\n", 1]}) == '{"a": ["b\\n", 1]}'
    assert one_line("x" * 100, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 ms"), (0.34, "340 ms"), (2.13, "2.1 s"), (200, "3 m 20 s"), (7500, "2 h 5 m"), (3600, "1 h")],
)
def test_durations_are_told_in_the_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_paths_are_written_as_in_code() -> None:
    assert path_text(("steps", "0", "with", "url")) == "steps[0].with.url"
    assert path_text(()) == ""
