"""What a server is made of: uvloop, httptools and the sans-I/O websockets, which the speed of the API rests on."""

import subprocess
import sys
from pathlib import Path

from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tests.cli.server_process import environment
from tests.patience import PATIENCE_SECONDS
from weft.serve import server_config

_LOOP = """
import asyncio, os, signal, sys
from pathlib import Path
from engine.settings import Settings
from weft.serve import serve

def stop(url):
    print(type(asyncio.get_running_loop()).__module__)
    os.kill(os.getpid(), signal.SIGTERM)

serve(Settings(port=0, data_dir=Path(sys.argv[1])), stop)
"""


def test_http_is_read_by_httptools_and_websockets_without_io() -> None:
    config = server_config(Starlette())
    config.load()
    assert issubclass(config.http_protocol_class, HttpToolsProtocol)
    assert config.ws_protocol_class is not None
    assert issubclass(config.ws_protocol_class, WebSocketsSansIOProtocol)


def test_a_server_runs_on_uvloop(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", _LOOP, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
        timeout=PATIENCE_SECONDS,
    )
    assert shown.stdout == "uvloop\n"
