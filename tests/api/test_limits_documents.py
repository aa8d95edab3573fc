"""What a document may ask for, before anything is executed."""

from dataclasses import replace
from typing import Any

import pytest

from engine.usecases.caller import Role
from graphql_api.admission.limits import DEFAULT_LIMITS, LIMIT_NAMES, Limits, changed
from graphql_api.schema import build_schema
from graphql_api.transports.documents import Documents
from graphql_api.transports.refusal import RequestRefused

WIDE = Limits(
    characters=10_000_000,
    tokens=1_000_000,
    operations=10_000,
    root_fields=10_000,
    depth=10_000,
    fields=1_000_000,
    aliases=10_000,
    directives=10_000,
    comparisons=10_000_000,
    cost=1_000_000_000,
)
CHAIN = " ".join(f"fragment F{n} on Query {{ a{n}: __typename ...F{n + 1} }}" for n in range(20))
UNFOLDING = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))


@pytest.fixture(scope="module")
def documents() -> Documents:
    return Documents(build_schema()._schema)


def refusal(documents: Documents, text: str, limits: Limits) -> str:
    with pytest.raises(RequestRefused) as refused:
        documents.get(text, limits)
    (error,) = refused.value.errors
    assert error["extensions"]["code"] in ("GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED")
    return str(error["message"])


def limited(name: str, most: int) -> Limits:
    change: dict[str, Any] = {name: most}
    return replace(WIDE, **change)


CASES = {
    "characters": ("{ __typename }" + " " * 7, 20),
    "tokens": ("{ a: __typename }", 4),
    "operations": ("query A { __typename } query B { __typename }", 1),
    "root_fields": ("{ __typename ...F } fragment F on Query { a: __typename }", 1),
    "depth": ("{ workflows { ...F } } fragment F on WorkflowConnection { nodes { id } }", 2),
    "fields": ("{ a: health { ...F } b: health { ...F } } fragment F on Health { status version }", 5),
    "aliases": ("{ a: __typename ...F } fragment F on Query { b: __typename }", 1),
    "directives": ("{ __typename @skip(if: false) ... @include(if: true) { __typename } }", 1),
    "comparisons": ("{ __typename __typename __typename }", 2),
}


@pytest.mark.parametrize("name", CASES)
def test_a_limit_holds_and_one_more_would_have_done(documents: Documents, name: str) -> None:
    text, most = CASES[name]
    assert refusal(documents, text, limited(name, most))
    documents.get(text, limited(name, most + 1))


def test_every_limit_of_the_document_has_a_case() -> None:
    assert {*CASES, "cost", "seconds"} == set(LIMIT_NAMES)


def test_a_known_document_is_neither_parsed_nor_measured_again_and_still_limited(documents: Documents) -> None:
    text, most = CASES["fields"]
    known = documents.get(text, WIDE)
    assert documents.get(text, DEFAULT_LIMITS[Role.VIEWER]) is known
    assert "7 fields" not in refusal(documents, text, replace(WIDE, fields=most))
    assert documents.get(text, WIDE) is known


def test_documents_are_remembered_up_to_so_many_tokens() -> None:
    documents = Documents(build_schema()._schema, remembered_tokens=40)
    texts = [f"{{ a{n}: __typename }}" for n in range(6)]
    first = [documents.get(text, WIDE) for text in texts]
    again = [documents.get(text, WIDE) for text in reversed(texts)]
    assert [one is other for one, other in zip(first, reversed(again), strict=True)] == [False] + 5 * [True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ ...A } fragment A on Query { ...A }", "within itself"),
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { health { version } ...A }", "within itself"),
        ("{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }", "within itself"),
        ("{ ...F0 } " + UNFOLDING + " fragment F30 on Query { __typename }", "unfolds into 1,073,741,824 fields"),
        ("{ __typename } " + UNFOLDING + " fragment F30 on Query { __typename }", "unfolds into"),
        ("{ ...F } fragment F on Query { __typename } fragment F on Query { health { version } }", "only one fragment"),
        ("{" + "__typename " * 500 + "}", "repeated beyond 10,000 pairs"),
        ("{" + "workflows { nodes { id id id } } " * 49 + "}", "repeated beyond"),
        ("{ health { " + "... on Health { version } " * 200 + "} }", "repeated beyond"),
        (
            "{" + " ".join(f"...F{n}" for n in range(200)) + "}"
            + " ".join(f"fragment F{n} on Query {{ a{n}: __typename }}" for n in range(200)),
            "repeated beyond",
        ),
        ("{ __typename } " + CHAIN * 2, "only one fragment"),
        ("{" + "a { " * 2_000 + "}" * 2_000, "nested too deeply"),
        ("{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}", "limit is 50"),
        ("{ health {" + " ".join(f"a{n}: version" for n in range(101)) + "} }", "101 aliases; the limit is 100"),
    ],
)  # fmt: skip
def test_what_would_cost_too_much_to_validate_is_refused_before(documents: Documents, text: str, message: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        documents.get(text, Limits())
    assert message in "".join(error["message"] for error in refused.value.errors)


def test_a_million_aliases_are_refused_by_their_length(documents: Documents) -> None:
    text = "{" + " ".join(f"a{n}:__typename" for n in range(1_000_000)) + "}"
    assert "characters" in refusal(documents, text, Limits())


def test_a_document_of_many_tokens_is_not_parsed_to_its_end(documents: Documents) -> None:
    assert "more than 5000 tokens" in refusal(documents, "{" + "a " * 40_000 + "}", Limits())


def test_directives_without_end_bring_few_errors(documents: Documents) -> None:
    with pytest.raises(RequestRefused) as refused:
        documents.get("{ __typename " + "@aa" * 10 + " }", Limits())
    assert len(refused.value.errors) < 10


def test_introspection_goes_only_so_deep(documents: Documents) -> None:
    text = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }"
    assert "introspection depth" in refusal(documents, text, Limits())


def test_limits_are_changed_by_role_and_name() -> None:
    limits = changed(DEFAULT_LIMITS, {"viewer": {"depth": 3}}, frozenset({"viewer"}))
    assert limits[Role.VIEWER] == replace(DEFAULT_LIMITS[Role.VIEWER], depth=3, introspection=True)
    assert limits[Role.ADMIN] == replace(DEFAULT_LIMITS[Role.ADMIN], introspection=False)
    assert changed(DEFAULT_LIMITS, {}) == DEFAULT_LIMITS
