"""How much ran at the same time, by the effects alone."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from tests.chaos.real.effects import Call
from tests.chaos.real.fleet import Kill
from tests.chaos.real.load import Accepted
from tests.chaos.real.shapes import LIMITS, NARROW, TOOLS

Span = tuple[float, float, Hashable]
"""From, to, and what it counts as."""


def check_limits(calls: Sequence[Call], accepted: Mapping[str, Accepted], kills: Sequence[Kill]) -> Iterator[str]:
    """Every violation, in words. What a killed process had under way ended with it."""
    deaths = {kill.pid: kill.at for kill in kills}
    spans: defaultdict[str, list[Span]] = defaultdict(list)
    keys: defaultdict[str, list[Span]] = defaultdict(list)
    for call in calls:
        begin, known = call.begin, accepted.get(call.begin.execution)
        if known is None:
            continue
        end = call.ended if call.ended is not None else deaths.get(begin.pid, begin.at)
        if known.shape.more.get("lane") == NARROW:
            spans[NARROW].append((begin.at, end, begin.execution))
        if known.shape.name == TOOLS:
            spans[TOOLS].append((begin.at, end, (begin.execution, begin.step)))
        if "concurrency" in known.shape.more:
            keys[known.input["key"]].append((begin.at, end, begin.execution))
    for lane, found in spans.items():
        most = _most(found)
        if most > LIMITS[lane]:
            yield f"in the lane {lane} {most} ran at a time; its limit is {LIMITS[lane]}"
    for key, found in keys.items():
        if _most(_whole(found)) > 1:
            yield f"several executions with the concurrency key {key} ran at a time"


def _whole(spans: Iterable[Span]) -> list[Span]:
    """From the first to the last of each execution."""
    whole: dict[Hashable, Span] = {}
    for begin, end, name in spans:
        first, last, _ = whole.get(name, (begin, end, name))
        whole[name] = (min(first, begin), max(last, end), name)
    return list(whole.values())


def _most(spans: Iterable[Span]) -> int:
    """The largest number at a time. One that ends makes room for one that begins at the same moment."""
    moments = sorted(
        (at, change, name) for begin, end, name in spans for at, change, name in ((begin, 1, name), (end, -1, name))
    )
    under_way: Counter[Hashable] = Counter()
    most = 0
    for _, change, name in moments:
        under_way[name] += change
        most = max(most, sum(count > 0 for count in under_way.values()))
    return most
