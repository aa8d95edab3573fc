"""What a supervisor does for its processes, and they for it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.cli.server_process import environment
from tests.patience import PATIENCE_SECONDS
from tests.processes import below, gone, until
from weft.supervised import NotSupervised, take
from weft.supervisor import pause_seconds


class Small:
    """A supervisor of two small processes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.small_supervisor", str(directory), "2"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self._port = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def processes(self) -> set[int]:
        return below(self.pid)

    @property
    def begun(self) -> list[int]:
        """All that ever were, in order."""
        noted = self.directory / "begun"
        return [int(line) for line in noted.read_text().splitlines()] if noted.exists() else []

    def ready(self) -> set[int]:
        """The processes, once it has said that all answer."""
        announced = json.loads(self._output.readline())
        assert announced["pid"] == self.pid
        self._port = announced["port"]
        return self.processes

    def answered_by(self) -> int:
        with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE_SECONDS) as connection:
            return int(connection.makefile().read())

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """The exit code. It has said nothing more."""
        code = self._process.wait(PATIENCE_SECONDS)
        assert self._output.read() == ""
        return code

    def put_away(self) -> None:
        for pid in self.begun:
            if not gone([pid]):
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.communicate(timeout=PATIENCE_SECONDS)

    @property
    def _output(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    started = Small(tmp_path)
    yield started
    started.put_away()


def test_all_processes_answer_on_one_address(small: Small) -> None:
    processes = small.ready()
    assert len(processes) == 2
    for one in processes:
        os.kill(one, signal.SIGSTOP)
        assert small.answered_by() in processes - {one}
        os.kill(one, signal.SIGCONT)


def test_another_process_takes_the_place_of_one_that_died(small: Small) -> None:
    processes = small.ready()
    for killed in processes:
        os.kill(killed, signal.SIGKILL)
    until(lambda: len(small.processes - processes) == 2)
    assert small.answered_by() in small.processes - processes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_of_them_in_order(small: Small, number: signal.Signals) -> None:
    processes = small.ready()
    small.signal(number)
    assert small.ended() == 0
    assert gone(processes)


def test_a_signal_before_any_process_answers_ends_them_too(small: Small) -> None:
    until(lambda: bool(small.begun))
    small.signal(signal.SIGTERM)
    assert small.ended() == 0
    assert gone(small.begun)


def test_a_second_signal_ends_all_of_them_at_once(small: Small) -> None:
    (small.directory / "deaf").touch()
    processes = small.ready()
    small.signal(signal.SIGTERM)
    until(lambda: not psutil.Process(small.pid).net_connections())
    assert not gone(processes)
    small.signal(signal.SIGTERM)
    assert small.ended() == -signal.SIGTERM
    assert gone(processes)


def test_no_process_survives_a_supervisor_that_is_killed(small: Small) -> None:
    processes = small.ready()
    small.signal(signal.SIGKILL)
    small.ended()
    until(lambda: gone(processes))


@pytest.mark.parametrize("code", [2, 70, 75, 78])
def test_where_the_first_process_cannot_begin_no_other_is_tried(tmp_path: Path, code: int) -> None:
    (tmp_path / "exit").write_text(str(code))
    small = Small(tmp_path)
    try:
        assert small.ended() == code
        assert len(small.begun) == 1
    finally:
        small.put_away()


def test_a_process_that_cannot_come_back_yet_is_tried_again(small: Small) -> None:
    (killed, *rest) = small.ready()
    (small.directory / "exit").write_text("75")
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(small.begun) == 3)
    until(lambda: gone(small.begun[2:]))
    (small.directory / "exit").unlink()
    until(lambda: len(small.begun) == 4)
    assert small.answered_by() in {*rest, small.begun[3]}


def test_all_end_when_one_cannot_come_back_with_its_settings(small: Small) -> None:
    processes = small.ready()
    (small.directory / "exit").write_text("78")
    os.kill(min(processes), signal.SIGKILL)
    assert small.ended() == 78
    assert gone(processes)


def test_who_dies_again_and_again_is_started_ever_more_slowly() -> None:
    assert [pause_seconds(deaths) for deaths in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_only_sockets_are_taken_for_what_a_supervisor_hands_over(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(NotSupervised, match=f"{file.fileno()} and 9999 are not"):
        take(file.fileno(), 9999)


def test_what_a_supervisor_hands_over_is_not_passed_on() -> None:
    pair = socket.socketpair()
    for each in pair:
        each.set_inheritable(True)
    handed = take(*(each.detach() for each in pair))
    with handed.listener, handed.supervisor:
        assert not handed.listener.get_inheritable()
        assert not handed.supervisor.get_inheritable()
