"""`python -m conformance [names...] [--full]`"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from conformance.installing import CannotInstall, check_tools, install
from conformance.running import Result, run, table
from conformance.server import log_result, serving
from conformance.suites import SUITES, Suite
from weft.demo.processes import CannotStart

_SECONDS, _FULL_SECONDS = 180, 3 * 3600


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m conformance", description="Runs other people's suites.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"which suites: {', '.join(SUITES)}; default: all")
    parser.add_argument("--full", action="store_true", help="10,000 generated requests instead of 300")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in SUITES]
    if unknown:
        parser.error(f"there is no suite {', '.join(unknown)}")
    suites = [suite for name, suite in SUITES.items() if name in (given.names or SUITES)]
    try:
        check_tools(suites)
        results = asyncio.run(_conform(suites, full=given.full))
    except (CannotInstall, CannotStart) as error:
        print(error, file=sys.stderr)
        return 1
    print(table(results))
    return 0 if all(result.passed for result in results) else 1


async def _conform(suites: Sequence[Suite], *, full: bool) -> list[Result]:
    """One after the other, since they share the server."""
    await install(suites)
    options, seconds = (("--full",), _FULL_SECONDS) if full else ((), _SECONDS)
    with tempfile.TemporaryDirectory(prefix="weft-conformance-") as directory:
        results = []
        async with serving(Path(directory)) as url:
            for suite in suites:
                results.append(await run(suite, url, *options, seconds=seconds))
                _explain(results[-1])
        results.append(log_result(Path(directory)))
        _explain(results[-1])
    return results


def _explain(result: Result) -> None:
    """What a failed suite printed is shown at once."""
    if not result.passed:
        print(f"--- {result.suite}\n{result.said.rstrip()}\n---", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
