import enum
from collections import OrderedDict, UserDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field

from engine.executors.python_values import NotJson, to_json


class Colour(enum.Enum):
    RED = "red"


class Model(BaseModel):
    seen_at: datetime = Field(alias="seenAt")


@dataclass
class Point:
    x: int
    tags: frozenset[str]


class Struct(msgspec.Struct, rename="camel"):
    first_name: str


MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, [2]), [1, [2]]),
        (deque([1]), [1]),
        ({3, 1, 2}, [1, 2, 3]),
        (OrderedDict(a=1), {"a": 1}),
        (UserDict(a=1), {"a": 1}),
        ({1: "a", Colour.RED: "b", date(2026, 1, 2): "c"}, {"1": "a", "red": "b", "2026-01-02": "c"}),
        (Colour.RED, "red"),
        (Model(seenAt=MOMENT), {"seenAt": "2026-11-20T12:00:00+00:00"}),
        (Point(1, frozenset({"b", "a"})), {"x": 1, "tags": ["a", "b"]}),
        (Struct("Ada"), {"firstName": "Ada"}),
        ((MOMENT.date(), time(1, 2), timedelta(minutes=90)), ["2026-11-20", "01:02:00", "PT1H30M"]),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.10"), "1.10"),
        (PurePosixPath("a/b"), "a/b"),
        ((b"\xff", bytearray(b"a"), memoryview(b"a")), ["/w==", "YQ==", "YQ=="]),
        (True, True),
    ],
)
def test_python_values_become_json(value: Any, expected: Any) -> None:
    assert to_json(value) == expected


def test_members_of_str_and_int_enums_become_plain_values() -> None:
    class Level(enum.IntEnum):
        LOW = 1

    class Name(enum.StrEnum):
        A = "a"

    assert [type(entry) for entry in to_json([Level.LOW, Name.A])] == [int, str]


def test_a_langchain_message_becomes_its_fields() -> None:
    assert to_json(AIMessage("hello"))["content"] == "hello"


def circle() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1.0, float("nan")]}, ("a", "1")),
        ([float("inf")], ("0",)),
        ({"a": {"b": object()}}, ("a", "b")),
        (Point(2**64, frozenset()), ("x",)),
        ({"a": "\ud800"}, ("a",)),
        (["a\0b"], ("0",)),
        ({"\ud800": 1}, ()),
        ({(1, 2): 1}, ()),
        ({None: 1}, ()),
        ({1: "a", "1": "b"}, ()),
        ({"list": (entry for entry in [1])}, ("list",)),
        (Point, ()),
    ],
)
def test_what_would_mean_something_else_is_refused_with_its_path(value: Any, path: tuple[str, ...]) -> None:
    with pytest.raises(NotJson) as raised:
        to_json(value)
    assert raised.value.path == path


def test_a_value_that_contains_itself_is_refused() -> None:
    with pytest.raises(NotJson, match="contains itself"):
        to_json(circle())


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(CHARACTERS), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_stays_as_it_is(value: Any) -> None:
    assert to_json(value) == value


def test_a_mapping_that_is_no_dict_is_an_object() -> None:
    class Lazy(Mapping[str, int]):
        def __getitem__(self, key: str) -> int:
            return len(key)

        def __iter__(self) -> Any:
            return iter(("a", "bb"))

        def __len__(self) -> int:
            return 2

    assert to_json(Lazy()) == {"a": 1, "bb": 2}
