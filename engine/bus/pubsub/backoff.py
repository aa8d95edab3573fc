"""Rests between tries: they double, up to a limit, with jitter so that many processes do not come back together."""

import random
from collections.abc import Iterator


def rests(first: float, longest: float) -> Iterator[float]:
    rest = first
    while True:
        yield rest * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, no secret
        rest = min(longest, rest * 2)
