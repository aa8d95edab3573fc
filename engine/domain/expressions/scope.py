"""The variables that expressions see."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any


class Scope(Mapping[str, Any]):
    """Immutable variables by name; values are JSON. `now` is what `now()` gives.

    `steps` and `secrets` may be any Mapping: only the entries that an expression names are ever looked up.
    """

    __slots__ = ("_variables", "names", "now")

    def __init__(self, variables: Mapping[str, Any], *, now: datetime) -> None:
        self._variables = dict(variables)
        self.names = frozenset(self._variables)
        self.now = now

    def extend(self, **names: Any) -> "Scope":
        """With these variables besides, or instead of, those of the same name."""
        return Scope({**self._variables, **names}, now=self.now)

    def __getitem__(self, name: str) -> Any:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)
