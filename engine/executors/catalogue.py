"""The step kinds of one engine, by name."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from engine.domain.kinds import StepKind


class KindDescription(msgspec.Struct, frozen=True, kw_only=True):
    """`with_schema` is the JSON Schema of `with`."""

    name: str
    description: str
    with_schema: dict[str, Any]


class DuplicateKind(ValueError):
    """Two step kinds have the same name."""


class StepKindCatalogue(Mapping[str, StepKind]):
    """Raises `DuplicateKind` when two kinds share a name."""

    def __init__(self, kinds: Iterable[StepKind]) -> None:
        self._kinds: dict[str, StepKind] = {}
        for kind in kinds:
            other = self._kinds.setdefault(kind.name, kind)
            if other is not kind:
                raise DuplicateKind(f"the step kind {kind.name!r} is defined by {_place(other)} and by {_place(kind)}")

    def __getitem__(self, name: str) -> StepKind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def describe(self) -> list[KindDescription]:
        """Sorted by name."""
        return [
            KindDescription(
                name=name, description=kind.description, with_schema=kind.With.model_json_schema(by_alias=True)
            )
            for name, kind in sorted(self._kinds.items())
        ]


def _place(kind: StepKind) -> str:
    return f"{type(kind).__module__}.{type(kind).__qualname__}"
