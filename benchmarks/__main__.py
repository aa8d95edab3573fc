"""`python -m benchmarks [names...] [--quick]`"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.emulators import NoEmulator
from benchmarks.measures import (
    durable_steps,
    events,
    fanout,
    footprint,
    google,
    listing,
    over_graphql,
    over_http,
    scaling,
    triggers,
)
from benchmarks.results import LATEST, Row, markdown, save
from benchmarks.scale import FULL, QUICK, Scale

MEASURES: dict[str, Callable[[Scale], Awaitable[list[Row]]]] = {
    "durable_steps": durable_steps.measure,
    "over_http": over_http.measure,
    "listing": listing.measure,
    "over_graphql": over_graphql.measure,
    "scaling": scaling.measure,
    "events": events.measure,
    "fanout": fanout.measure,
    "footprint": footprint.measure,
    "triggers": triggers.measure,
    "google": google.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures, as ratios in one run.")
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"what to measure: {', '.join(MEASURES)}; default: all"
    )
    parser.add_argument("--quick", action="store_true", help="less of everything, in about a minute")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in MEASURES]
    if unknown:
        parser.error(f"there is no measure {', '.join(unknown)}")
    rows: list[Row] = []
    try:
        asyncio.run(_measure(given.names or list(MEASURES), QUICK if given.quick else FULL, rows))
    finally:  # what was measured until something broke, or until Ctrl-C, is shown
        print(markdown(rows))
    save(rows)
    print(f"\nkept in {LATEST}", file=sys.stderr)


async def _measure(names: Sequence[str], scale: Scale, rows: list[Row]) -> None:
    for name in names:
        started = time.perf_counter()
        try:
            rows += await MEASURES[name](scale)
        except NoEmulator as reason:
            print(f"{name}: skipped, {reason}", file=sys.stderr)
            continue
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
