"""What a server on a laptop loads."""

import subprocess
import sys
from pathlib import Path

_LOADED = """
import asyncio, pathlib, sys
import weft.serve, weft.cli.app
from engine.settings import Settings
from engine.bootstrap import open_bus, open_store

async def main():
    settings = Settings(data_dir=pathlib.Path(sys.argv[1]))
    store, bus = await open_store(settings), await open_bus(settings)
    await bus.close()
    await store.close()

asyncio.run(main())
print(sorted({name.partition(".")[0] for name in sys.modules} & {"google", "grpc", "proto"}))
"""


def test_the_embedded_mode_loads_nothing_of_googles_clients(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
