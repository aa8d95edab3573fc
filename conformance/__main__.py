"""`python -m conformance [names...] [--full]`"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from conformance.installing import CannotInstall, check_tools, install
from conformance.running import Result, run
from conformance.server import errors_in_log, serving
from conformance.suites import SUITES, Suite
from weft.demo.processes import CannotStart

_INSTALLED_AT_ONCE = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m conformance", description="Runs other people's suites.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"which suites: {', '.join(SUITES)}; default: all")
    parser.add_argument("--full", action="store_true", help="10,000 generated requests instead of some hundred")
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


def table(results: Sequence[Result]) -> str:
    width = max(len(result.suite) for result in results)
    return "\n".join(
        f"{result.suite:{width}}  {'passed' if result.passed else 'FAILED'}  {result.seconds:5.1f} s  {result.summary}"
        for result in results
    )


async def _conform(suites: Sequence[Suite], *, full: bool) -> list[Result]:
    """One after the other, since they share the server. What a failed one printed is shown at once."""
    await _install(suites)
    with tempfile.TemporaryDirectory(prefix="weft-conformance-") as name:
        directory = Path(name)
        results = []
        async with serving(directory) as url:
            for suite in suites:
                results.append(await run(suite, url, full=full))
                _show(results[-1])
        unexpected = errors_in_log(directory)
        return [*results, _log_result(unexpected)]


async def _install(suites: Sequence[Suite]) -> None:
    places = asyncio.Semaphore(_INSTALLED_AT_ONCE)

    async def install_one(suite: Suite) -> None:
        async with places:
            await install(suite)

    await asyncio.gather(*map(install_one, suites))


def _show(result: Result) -> None:
    if not result.passed:
        print(f"--- {result.suite}\n{result.said.rstrip()}\n---", file=sys.stderr)


def _log_result(unexpected: Sequence[str]) -> Result:
    summary = f"{len(unexpected)} unexpected errors in the server's log"
    result = Result(suite="server", passed=not unexpected, said="\n".join([*unexpected, summary]), seconds=0)
    _show(result)
    return result


if __name__ == "__main__":
    sys.exit(main())
