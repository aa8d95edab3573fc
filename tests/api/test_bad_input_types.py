"""Values of the wrong type, in every place of every mutation: refused before anything is looked at, with their place."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)

from graphql_api.schema import build_schema
from tests.api.client import Api
from tests.api.conftest import Unchanged
from tests.api.world import World, full_inputs

SCHEMA = build_schema()._schema
WRONG: dict[str, list[Any]] = {
    "object": [1, "x", [1]],
    "enum": ["", "NOPE", "atomic", 1, []],
    "Int": ["1", 1.5, True, 2**31, -(2**31) - 1, 10**30, [], {}],
    "Float": ["1", True, [], {}],
    "Boolean": ["true", 1, [], {}],
    "String": [1, True, [], {}],
    "ID": [1.5, True, [], {}],
    "DateTime": ["", "now", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
                 "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00+99:99", "2026-01-01", 0, {}],
    "Duration": ["", "1", "-PT1S", "P1Y", "P1M", "P3661D", "P1000000000000D", "9" * 400 + "s", 1, {}],
}  # fmt: skip
Path = tuple[str | int, ...]


def wrong_values(type_: Any, given: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every place below `given`, with something that must not stand there. Lists of one text are texts of their own:
    GraphQL takes a single value for a list of it.
    """
    if is_non_null_type(type_):
        yield path, None
    inner: Any = get_nullable_type(type_)
    if is_list_type(inner):
        for index, item in enumerate(given):
            yield from wrong_values(inner.of_type, item, (*path, index))
    elif isinstance(inner, GraphQLInputObjectType):
        yield from [(path, wrong) for wrong in WRONG["object"]]
        yield (*path, "unheardOf"), 1
        for name, value in given.items():
            yield from wrong_values(inner.fields[name].type, value, (*path, name))
    elif isinstance(inner, GraphQLEnumType):
        yield from [(path, wrong) for wrong in WRONG["enum"]]
    else:
        yield from [(path, wrong) for wrong in WRONG.get(inner.name, [])]


def with_wrong(given: Any, path: Path, wrong: Any) -> Any:
    if not path:
        return wrong
    first, *rest = path
    if isinstance(given, list):
        return [with_wrong(item, tuple(rest), wrong) if n == first else item for n, item in enumerate(given)]
    return given | {first: with_wrong(given.get(first), tuple(rest), wrong)}


def input_of(name: str) -> Any:
    """The type of a mutation's `input`."""
    assert SCHEMA.mutation_type is not None
    return SCHEMA.mutation_type.fields[name].args["input"].type


def document(name: str) -> str:
    return f"mutation($input: {input_of(name)}) {{ {name}(input: $input) {{ errors {{ code }} }} }}"


def place(path: Path) -> str:
    """As messages name it: `input.items[0].version`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


async def test_a_value_of_the_wrong_type_is_refused_wherever_it_stands(
    api: Api, world: World, unchanged: Unchanged
) -> None:
    with unchanged():
        for name, given in full_inputs(world).items():
            cases = list(wrong_values(input_of(name), given, ()))
            assert len(cases) > 5
            for path, wrong in cases:
                error = await api.error(document(name), input=with_wrong(given, path, wrong))
                assert error["extensions"] == {"code": "BAD_USER_INPUT"}, (name, path, wrong)
                for named in [part for part in (place(path[:-1]), path[-1] if path else "") if isinstance(part, str)]:
                    assert named in error["message"], (name, path, wrong)


async def test_what_is_required_cannot_be_left_out(api: Api, world: World, unchanged: Unchanged) -> None:
    with unchanged():
        for name, given in full_inputs(world).items():
            fields = get_nullable_type(input_of(name)).fields
            for field in [field for field, declared in fields.items() if is_required_input_field(declared)]:
                rest = {key: value for key, value in given.items() if key != field}
                error = await api.error(document(name), input=rest)
                assert error["extensions"] == {"code": "BAD_USER_INPUT"}
                assert f"'{field}'" in error["message"]
            assert (await api.error(document(name)))["extensions"] == {"code": "BAD_USER_INPUT"}
