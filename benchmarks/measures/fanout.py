"""One event to many subscribers over sockets of their own: what a delivery costs, how long it takes, what those cost who only wait, and
what one who does not read.
"""

import asyncio
from statistics import median
from typing import Any

from benchmarks.results import Goal, Row, ratio
from benchmarks.scale import Scale
from benchmarks.side import Side, side

Address = dict[str, Any]
"""The ports of both servers, and the execution that is watched."""

_MANY, _PER_SECOND = 200, 10_000
_EVERY = _MANY / _PER_SECOND
_LARGE, _LARGE_EVENTS, _READERS = 20_000, 100, 20


async def measure(scale: Scale) -> list[Row]:
    async with side("fanout") as server:
        address = await server.ask("address")
        async with side("crowd", "127.0.0.1") as crowd:
            rows = await _deliveries(scale, server, crowd, address)
            rows += await _one_does_not_read(scale, server, crowd, address)
    async with side("fanout") as server:
        address = await server.ask("address")
        async with side("crowd", "127.0.0.1") as crowd:
            rows.append(await _idle(scale, server, crowd, address))
    return rows


async def _deliveries(scale: Scale, server: Side, crowd: Side, address: Address) -> list[Row]:
    """Those to whom nothing is told are connected all the while, on both sides."""
    await crowd.ask("open", port=address["port"], count=_MANY, execution=address["execution"])
    await crowd.ask("open", port=address["raw_port"], count=_MANY, execution=None)
    await server.ask("tell", count=20, every_seconds=_EVERY, padding=0)
    frame = (await crowd.ask("received", count=20 * _MANY))["last"]
    await server.ask("tell_raw", count=20, every_seconds=_EVERY, frame=frame)
    await crowd.ask("received", count=20 * _MANY)
    ours, theirs, delays, raw_delays = [], [], [], []
    for _ in range(scale.rounds):
        count = scale.fanout_events
        cpu = await server.ask("tell", count=count, every_seconds=_EVERY, padding=0)
        delays.append((await crowd.ask("received", count=count * _MANY))["p99"])
        ours.append(cpu / count / _MANY)
        cpu = await server.ask("tell_raw", count=count, every_seconds=_EVERY, frame=frame)
        raw_delays.append((await crowd.ask("received", count=count * _MANY))["p99"])
        theirs.append(cpu / count / _MANY)
    await crowd.ask("close")
    return [
        Row(
            what=f"event to {_MANY} sockets, CPU for each",
            ours=f"{median(ours) * 1e6:.1f} us",
            against="the same frames by raw ASGI sends",
            theirs=f"{median(theirs) * 1e6:.1f} us",
            number=ratio(ours, theirs),
            goal=Goal(1.5),
        ),
        Row(
            what=f"the same, {_PER_SECOND} a second, delay p99",
            against="the same frames by raw ASGI sends",
            theirs=f"{median(raw_delays):.1f} ms",
            number=median(delays),
            unit="ms",
            goal=Goal(15, unit="ms"),
        ),
    ]


async def _one_does_not_read(scale: Scale, server: Side, crowd: Side, address: Address) -> list[Row]:
    async def p99(readers: int) -> float:
        """In milliseconds, the median of the rounds."""
        found = []
        for _ in range(scale.rounds):
            await server.ask("tell", count=_LARGE_EVENTS, every_seconds=_EVERY, padding=_LARGE)
            found.append((await crowd.ask("received", count=_LARGE_EVENTS * readers))["p99"])
        return float(median(found))

    await crowd.ask("open", port=address["port"], count=_READERS + 1, execution=address["execution"])
    before = await p99(_READERS + 1)
    resident = await server.ask("resident")
    await crowd.ask("stop_reading", count=1)
    after = await p99(_READERS)
    grown = await server.ask("resident") - resident
    await crowd.ask("close")
    untaken = scale.rounds * _LARGE_EVENTS * _LARGE
    return [
        Row(
            what=f"memory for one who leaves {untaken / 1e6:g} MB of events unread",
            number=max(0.0, grown / 2**20),
            unit="MiB",
            goal=Goal(2, unit="MiB"),
        ),
        Row(
            what=f"the other {_READERS}'s p99 delay",
            ours=f"{after:.1f} ms",
            against="while all read",
            theirs=f"{before:.1f} ms",
            number=after / before,
            goal=Goal(1.2),
        ),
    ]


async def _idle(scale: Scale, server: Side, crowd: Side, address: Address) -> Row:
    count = scale.idle_subscribers
    raw = await _memory_of(server, crowd, count, {"port": address["raw_port"], "execution": None})
    ours = await _memory_of(server, crowd, count, {"port": address["port"], "execution": address["execution"]})
    return Row(
        what=f"memory of each of {count} idle subscribers",
        ours=f"{ours / 1024:.1f} KiB",
        against="of a raw ASGI socket",
        theirs=f"{raw / 1024:.1f} KiB",
        number=ours / raw,
    )


async def _memory_of(server: Side, crowd: Side, count: int, what: Address) -> float:
    """Of one socket, in bytes. Those of before make room that is used again, so a few are opened first."""
    await crowd.ask("open", count=count // 20, **what)
    await asyncio.sleep(1)
    before = await server.ask("resident")
    await crowd.ask("open", count=count, **what)
    await asyncio.sleep(1)
    each = (await server.ask("resident") - before) / count
    await crowd.ask("close")
    return float(each)
