"""The processes below another one, seen from outside."""

import time
from collections.abc import Callable, Iterable

import psutil

from tests.patience import PATIENCE_SECONDS


def below(pid: int) -> set[int]:
    return {each.pid for each in psutil.Process(pid).children(recursive=True)}


def gone(pids: Iterable[int]) -> bool:
    return not any(map(_runs, pids))


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
