"""Modules that are loaded when they are needed: once, in a thread, and with a clear failure where that is not possible."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from engine.domain.status import FailureKind
from engine.executors.late import LATE, Late, importing, warm_up
from engine.executors.port import StepFailure

Write = Callable[[str, str], str]

# It is slow to import, and says so: the others come while it is under way.
SLOW = "import threading, time; time.sleep(0.02); thread = threading.current_thread()"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module, of which the name is given back."""
    monkeypatch.syspath_prepend(str(tmp_path))
    written: list[str] = []

    def write(name: str, source: str) -> str:
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", LATE)
def test_every_module_that_is_loaded_late_exists(name: str) -> None:
    assert find_spec(name) is not None


async def test_whoever_asks_at_the_same_time_gets_the_same_which_is_made_once(write: Write) -> None:
    made: list[ModuleType] = []

    def make(module: ModuleType) -> object:
        made.append(module)
        return object()

    late = Late(write("late_once", SLOW), make)
    one, *others = await asyncio.gather(*(late.get() for _ in range(50)))
    assert len(made) == 1
    assert all(other is one for other in others)
    assert late.made is one


async def test_the_event_loop_goes_on_while_a_module_is_imported(write: Write) -> None:
    late: Late[ModuleType] = Late(write("late_slow", SLOW), lambda module: module)
    loading = asyncio.create_task(late.get())
    turns = 0
    while not loading.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 1
    assert (await loading).thread is not threading.current_thread()


async def test_two_modules_are_never_imported_at_the_same_time(write: Write) -> None:
    source = "import time; began = time.monotonic(); time.sleep(0.01); ended = time.monotonic()"
    lates: list[Late[ModuleType]] = [Late(write(f"late_{n}", source), lambda module: module) for n in range(3)]
    spans = sorted([(module.began, module.ended) for module in await asyncio.gather(*(late.get() for late in lates))])
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


async def test_what_goes_along_is_there_first(write: Write) -> None:
    along = write("late_along", "")
    main = write("late_main", f"import sys; found = {along!r} in sys.modules")
    late: Late[ModuleType] = Late(main, lambda module: module, along=(along,))
    assert (await late.get()).found


@pytest.mark.parametrize(
    "source", ["import a_package_that_is_not_there", "raise RuntimeError('half installed')", "x ="]
)
async def test_a_module_that_cannot_be_imported_is_a_failure_of_the_machinery(write: Write, source: str) -> None:
    late: Late[ModuleType] = Late(write("late_broken", source), lambda module: module)
    results = await asyncio.gather(*(late.get() for _ in range(3)), return_exceptions=True)
    for raised in results:
        assert isinstance(raised, StepFailure)
        failure = raised.failure
        assert (failure.kind, failure.code, failure.retryable) == (FailureKind.INFRA, "part_not_loaded", True)
        assert "late_broken cannot be loaded" in failure.message


async def test_a_module_that_could_not_be_imported_is_tried_again(write: Write) -> None:
    name = write("late_mended", "raise OSError('the disk does not answer')")
    late: Late[ModuleType] = Late(name, lambda module: module)
    with pytest.raises(StepFailure, match="OSError: the disk does not answer"):
        await late.get()
    write(name, "mended = 'the source has another size now, so that no bytecode is taken for it'")
    assert (await late.get()).mended


async def test_a_step_that_is_cancelled_while_it_waits_leaves_the_import_to_the_others(write: Write) -> None:
    late: Late[ModuleType] = Late(write("late_cancelled", SLOW), lambda module: module)
    first, second = asyncio.create_task(late.get()), asyncio.create_task(late.get())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await second).__name__ == "late_cancelled"


async def test_warming_up_goes_on_after_a_module_that_cannot_be_imported(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    broken, whole = write("late_warm_broken", "raise OSError('no')"), write("late_warm", "")
    await warm_up([broken, whole])
    assert whole in sys.modules
    (record,) = caplog.records
    assert record.getMessage() == "late_warm_broken cannot be loaded"


async def test_what_an_import_raises_reaches_whoever_handles_it_himself() -> None:
    with pytest.raises(ModuleNotFoundError):
        await importing(lambda: __import__("a_package_that_is_not_there"))
