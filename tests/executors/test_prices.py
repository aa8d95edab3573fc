"""What model calls cost."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.domain.failure import Usage
from engine.executors.prices import Price, Prices, load_prices

PRICES = Prices(
    {
        "openai:gpt-5-mini": Price(input=0.25, output=2.0),
        "openai:*": Price(input=10, output=20),
        "openai:gpt-5*": Price(input=1, output=4),
        "ollama:*": Price(input=0, output=0),
    }
)


@pytest.mark.parametrize(
    ("model", "output"),
    [("openai:gpt-5-mini", 2.0), ("openai:gpt-5-nano", 4), ("openai:o9", 20), ("ollama:x", 0), ("nobody:x", None)],
)
def test_an_exact_name_counts_before_the_longest_beginning(model: str, output: float | None) -> None:
    price = PRICES.price(model)
    assert (None if price is None else price.output) == output


def test_cost_is_per_million_tokens() -> None:
    usage = Usage(input_tokens=1_000_000, output_tokens=500_000, model_calls=1)
    assert PRICES.cost("openai:gpt-5-mini", usage) == 1.25
    assert PRICES.cost("ollama:x", usage) == 0.0
    assert PRICES.cost("nobody:x", usage) is None


def test_money_buys_as_many_tokens_as_are_left_after_the_prompt() -> None:
    assert PRICES.affordable_tokens("openai:gpt-5-mini", 1.0, prompt_tokens=2_000_000) == 250_000
    assert PRICES.affordable_tokens("openai:gpt-5-mini", 0.1, prompt_tokens=2_000_000) == 0
    assert PRICES.affordable_tokens("ollama:x", 1.0, prompt_tokens=1) is None
    assert PRICES.affordable_tokens("nobody:x", 1.0, prompt_tokens=1) is None


def test_a_table_is_read_from_yaml(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text('"ollama:*": {input: 0, output: 0.5}\n')
    assert load_prices(file) == {"ollama:*": Price(input=0, output=0.5)}
    file.write_text("")
    assert load_prices(file) == {}


@pytest.mark.parametrize("entry", ["{input: -1, output: 1}", "{input: 1}", "{input: .nan, output: 1}", "[]"])
def test_a_table_that_makes_no_sense_is_refused_with_the_place(tmp_path: Path, entry: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(f'"a:b": {entry}\n')
    with pytest.raises(ValidationError, match="a:b"):
        load_prices(file)
