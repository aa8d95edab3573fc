"""`.ci/lint_schema.py`: each rule is broken once."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from graphql import build_schema

ROOT = Path(__file__).resolve().parents[2]

SOUND = '''
"""Read."""
type Query {
  """One thing."""
  thing("""Its id.""" id: ID!): String
}
"""Change."""
type Mutation {
  """Makes a thing."""
  makeThing("""What to make.""" input: MakeThingInput!): ThingPayload!
}
"""What to make."""
input MakeThingInput {
  """Which colour."""
  colour: Colour
}
"""A colour."""
enum Colour {
  """As fire."""
  DARK_RED
}
"""The thing that was made."""
type ThingPayload {
  """The thing; null where nothing was made."""
  thing: String
  """What went wrong."""
  errors: [UserError!]!
}
"""What went wrong."""
interface UserError {
  """For people."""
  message: String!
}
'''


@pytest.fixture(scope="module")
def lint() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lint_schema", ROOT / ".ci" / "lint_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_sound_schema_has_no_problems(lint: ModuleType) -> None:
    assert lint.problems(build_schema(SOUND)) == []


@pytest.mark.parametrize(
    ("written", "instead", "problem"),
    [
        ('"""One thing."""', "", "Query.thing: has no description"),
        ('"""Its id."""', "", "Query.thing(id): has no description"),
        ('"""A colour."""', "", "Colour: has no description"),
        ('"""As fire."""', "", "Colour.DARK_RED: has no description"),
        ("DARK_RED", "dark_red", "Colour.dark_red: enum values are ALL_CAPS"),
        ("Colour", "colour_", "colour_: names of types are PascalCase"),
        ("thing(", "the_thing(", "Query.the_thing: names of fields and arguments are camelCase"),
        ("MakeThingInput", "MakeThing", "MakeThing: names of input types end in Input, Filter, Order"),
        ("): ThingPayload!", "): ThingPayload", "Mutation.makeThing: a mutation returns <Name>Payload!"),
        ("input: Make", "what: Make", "Mutation.makeThing: a mutation takes one argument, input: <Name>Input!"),
        ("[UserError!]!", "[UserError!]", "ThingPayload: a payload has errors: [UserError!]!"),
        (
            "  thing: String\n",
            "  thing: String!\n",
            "ThingPayload.thing: is null where nothing was changed, so its type must allow that",
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_place(lint: ModuleType, written: str, instead: str, problem: str) -> None:
    assert written in SOUND
    assert problem in lint.problems(build_schema(SOUND.replace(written, instead)))


def test_a_schema_that_does_not_parse_is_a_failure(
    lint: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "schema.graphql"
    broken.write_text("type Query {")
    assert lint.main(broken) == 1
    assert "Syntax Error" in capsys.readouterr().err


def test_the_projects_own_schema_keeps_the_rules(lint: ModuleType) -> None:
    assert lint.main(ROOT / "schema.graphql") == 0
