"""A server in a process of its own for the tests of a file, and a shell whose commands go to it."""

from collections.abc import Iterator

import pytest

from tests.cli.server_process import ServerProcess
from tests.cli.shell import Shell
from weft.cli.exit_codes import ExitCode


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("data"))
    yield server
    assert server.stop() == ExitCode.DONE


@pytest.fixture
def weft(server: ServerProcess) -> Shell:
    return Shell(server)
