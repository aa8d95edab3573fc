"""`schema.graphql` is what tools and people read instead of asking a server."""

from pathlib import Path

from graphql_api.schema import build_schema

SCHEMA = Path(__file__).parents[2] / "schema.graphql"


def test_the_printed_schema_is_not_stale() -> None:
    assert SCHEMA.read_text() == build_schema().as_str() + "\n", "run `make schema`"
