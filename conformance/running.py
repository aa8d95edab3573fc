"""Runs a suite against a server."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.processes import run_to_end
from conformance.suites import REPOSITORY, Suite

SCHEMA = REPOSITORY / "schema.graphql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`said` is all that the suite printed; its last line sums it up."""

    suite: str
    passed: bool
    said: str
    seconds: float = 0

    @property
    def summary(self) -> str:
        lines = self.said.strip().splitlines()
        return lines[-1].strip() if lines else "said nothing"


async def run(suite: Suite, url: str, *options: str, seconds: float) -> Result:
    """One that takes longer is stopped, and has failed."""
    started = time.perf_counter()
    ended = await run_to_end(*suite.command, url, str(SCHEMA), *options, directory=suite.installed, seconds=seconds)
    return Result(suite=suite.name, passed=ended.succeeded, said=ended.said, seconds=time.perf_counter() - started)


def table(results: Sequence[Result]) -> str:
    width = max(len(result.suite) for result in results)
    return "\n".join(
        f"{result.suite:{width}}  {'passed' if result.passed else 'FAILED'}  {result.seconds:5.1f} s  {result.summary}"
        for result in results
    )
