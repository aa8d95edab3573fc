"""The order of one list of steps: who comes before whom, and circles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.domain.needs import handler_of, needs_of


class Order(msgspec.Struct, frozen=True):
    """`ids` are those of the list in order, None where an entry has none that is usable. `before` maps an id to all
    that come before it; ids on or behind a circle are not in it. `circles` are lists of ids, each needing the next, the
    last the first.
    """

    ids: tuple[str | None, ...]
    names: frozenset[str]
    before: dict[str, "Ancestors"]
    circles: tuple[tuple[str, ...], ...]


class Ancestors:
    """A set of ids as the bits of a number: two thousand steps have two million ancestors."""

    __slots__ = ("_bits", "_positions")

    def __init__(self, bits: int, positions: Mapping[str, int]) -> None:
        self._bits = bits
        self._positions = positions

    def __contains__(self, step_id: object) -> bool:
        position = self._positions.get(step_id) if isinstance(step_id, str) else None
        return position is not None and bool(self._bits >> position & 1)


def order_of(steps: Sequence[Any], defaults: Any) -> Order:
    """Takes lists that are not valid yet: unknown needs are left out; of steps with one id, the first counts."""
    ids = tuple(_id(step) for step in steps)
    needs = tuple(needs_of(steps, defaults))
    positions: dict[str, int] = {}
    for position, step_id in enumerate(ids):
        if step_id is not None:
            positions.setdefault(step_id, position)
    edges = _edges(steps, needs, positions, defaults)
    bits, rest = _closure(edges)
    before = {step_id: Ancestors(bits[place], positions) for step_id, place in positions.items() if place in bits}
    circles = tuple(tuple(str(ids[place]) for place in circle) for circle in _circles(edges, rest))
    return Order(ids, frozenset(positions), before, circles)


def _id(step: Any) -> str | None:
    step_id = step.get("id") if isinstance(step, Mapping) else None
    return step_id if isinstance(step_id, str) else None


def _edges(
    steps: Sequence[Any],
    needs: Sequence[tuple[str, ...]],
    positions: Mapping[str, int],
    defaults: Any,
) -> dict[int, list[int]]:
    """Position -> positions it comes after, itself left out. A handler comes after the steps it handles."""
    edges = {place: [positions[need] for need in needs[place] if need in positions] for place in positions.values()}
    for place in positions.values():
        handler = handler_of(steps[place], defaults)
        if handler is not None and handler in positions:
            edges[positions[handler]].append(place)
    return {place: [one for one in earlier if one != place] for place, earlier in edges.items()}


def _closure(edges: Mapping[int, list[int]]) -> tuple[dict[int, int], set[int]]:
    """The ancestors of every position as bits, and the positions that are on or behind a circle (Kahn's algorithm)."""
    missing = {place: len(set(earlier)) for place, earlier in edges.items()}
    later: dict[int, list[int]] = {place: [] for place in edges}
    for place, earlier in edges.items():
        for one in set(earlier):
            later[one].append(place)
    ready = [place for place, count in missing.items() if not count]
    bits: dict[int, int] = {}
    while ready:
        place = ready.pop()
        bits[place] = 0
        for one in edges[place]:
            bits[place] |= bits[one] | 1 << one
        for one in later[place]:
            missing[one] -= 1
            if not missing[one]:
                ready.append(one)
    return bits, set(edges) - set(bits)


def _circles(edges: Mapping[int, list[int]], rest: set[int]) -> Iterator[list[int]]:
    """One circle for every group of positions that hang together; every position left over leads into one."""
    seen: set[int] = set()
    for start in sorted(rest):
        walk: list[int] = []
        place: int | None = start
        while place is not None and place not in seen:
            seen.add(place)
            walk.append(place)
            place = next((one for one in edges[place] if one in rest), None)
        if place is not None and place in walk:
            yield walk[walk.index(place) :]
