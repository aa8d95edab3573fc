"""docs/api-limits.md against the code."""

import re
from pathlib import Path

from engine.usecases.caller import Role
from graphql_api.admission.formula import value_of
from graphql_api.admission.limits import DEFAULT_LIMITS, LIMIT_NAMES, Limits
from graphql_api.schema import build_schema
from graphql_api.transports.documents import Documents

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api-limits.md").read_text()


def test_the_tables_say_what_the_limits_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|", DOCUMENT, re.MULTILINE)
    said = {name: tuple(int(number.replace(",", "")) for number in numbers) for name, *numbers in rows}
    roles = (Role.ADMIN, Role.EDITOR, Role.VIEWER)
    assert said == {name: tuple(getattr(DEFAULT_LIMITS[role], name) for role in roles) for name in LIMIT_NAMES}


def test_the_example_costs_what_is_said() -> None:
    found = re.search(r"^`(executions.*)` costs .* = (\d+)\.$", DOCUMENT, re.MULTILINE)
    assert found
    document = Documents(build_schema()._schema).get(f"{{ {found[1]} }}", Limits())
    assert value_of(document.highest_cost, {}) == int(found[2])


def test_every_code_in_it_is_one_of_the_code() -> None:
    sources = "".join(path.read_text() for folder in ("graphql_api", "weft") for path in Path(folder).rglob("*.py"))
    codes = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", DOCUMENT)) - set(re.findall(r"WEFT_[A-Z_]+", DOCUMENT))
    assert codes
    assert not [code for code in codes if f'"{code}"' not in sources]
