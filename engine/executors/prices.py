"""What model calls cost.

A price table is YAML, in US dollars per million tokens; a key that ends in `*` stands for every model that begins so,
and the longest key that fits counts:

    openai:gpt-5-mini: {input: 0.25, output: 2.00}
    "ollama:*": {input: 0, output: 0}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter

from engine.domain.definition import Model
from engine.domain.failure import Usage

_PER = 1_000_000

Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(Model):
    """US dollars per million tokens."""

    input: Dollars
    output: Dollars


_Table = TypeAdapter(dict[str, Price])


class Prices:
    """Looks up by `provider:model`."""

    def __init__(self, table: Mapping[str, Price]) -> None:
        self._exact = {key: price for key, price in table.items() if not key.endswith("*")}
        beginnings = ((key[:-1], price) for key, price in table.items() if key.endswith("*"))
        self._beginnings = sorted(beginnings, key=lambda entry: len(entry[0]), reverse=True)

    def price(self, model: str) -> Price | None:
        """None where the table has no price for the model."""
        exact = self._exact.get(model)
        if exact is not None:
            return exact
        return next((price for beginning, price in self._beginnings if model.startswith(beginning)), None)

    def cost(self, model: str, usage: Usage) -> float | None:
        """US dollars; None where the price is not known."""
        price = self.price(model)
        return None if price is None else (usage.input_tokens * price.input + usage.output_tokens * price.output) / _PER

    def affordable_tokens(self, model: str, dollars: float, *, prompt_tokens: int) -> int | None:
        """How many tokens a reply to such a prompt may have for that money: at least 0; None where the price is not
        known or the output costs nothing.
        """
        price = self.price(model)
        if price is None or not price.output:
            return None
        return max(0, int((dollars * _PER - prompt_tokens * price.input) / price.output))


def load_prices(path: Path) -> dict[str, Price]:
    """Reads a table, for `Prices`. Raises OSError, yaml.YAMLError, or pydantic's ValidationError with the path."""
    return _Table.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
