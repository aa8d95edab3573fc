"""`weft serve --workers 2`: two processes of one address, over the emulators."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.e2e.cloud import Cloud, Process
from tests.emulators import Emulators
from tests.patience import PATIENCE_SECONDS
from tests.processes import below, gone, until

NOWHERE = "127.0.0.1:9"


@pytest.fixture
def cloud(tmp_path: Path, emulators: Emulators) -> Iterator[Cloud]:
    with closing(Cloud(tmp_path, emulators, WEFT_WORKERS="2", WEFT_GRACE="2s")) as opened:
        yield opened


@pytest.fixture
async def server(cloud: Cloud) -> AsyncIterator[Process]:
    """All of whose processes answer."""
    started = await cloud.start("all")
    processes = below(started.pid)
    yield started
    for pid in processes | (below(started.pid) if started.running else set()):
        if not gone([pid]):
            os.kill(pid, signal.SIGKILL)


def answers(server: Process) -> bool:
    """Over a connection of its own."""
    body = {"query": "{ health { status } }"}
    answer = httpx.post(f"{server.url}/graphql", json=body, timeout=PATIENCE_SECONDS, trust_env=False).json()
    return bool(answer["data"] == {"health": {"status": "SERVING"}})


def test_two_processes_answer_on_one_port(server: Process) -> None:
    processes = below(server.pid)
    assert len(processes) == 2
    for one in processes:
        os.kill(one, signal.SIGSTOP)
        assert answers(server), "by the other one"
        os.kill(one, signal.SIGCONT)


def test_one_that_was_killed_comes_back(server: Process) -> None:
    first, second = below(server.pid)
    os.kill(first, signal.SIGKILL)
    assert answers(server), "by the one that is left"
    until(lambda: len(below(server.pid)) == 2 and first not in below(server.pid))
    os.kill(second, signal.SIGSTOP)
    assert answers(server), "by the new one"
    os.kill(second, signal.SIGCONT)


async def test_a_signal_ends_all_in_order(server: Process) -> None:
    processes = below(server.pid)
    assert await server.stop() == 0
    assert gone(processes)
    assert "did not stop in order" not in server.log


async def test_a_signal_to_every_process_is_one_signal(server: Process) -> None:
    processes = below(server.pid)
    for pid in processes:
        os.kill(pid, signal.SIGTERM)
    assert await server.stop() == 0
    assert gone(processes)
    assert "did not stop in order" not in server.log


async def test_none_is_left_when_the_supervisor_is_killed(server: Process) -> None:
    processes = below(server.pid)
    await server.kill()
    until(lambda: gone(processes))
