"""What a document may ask for, before anything is executed."""

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.usecases.caller import Role
from graphql_api.admission.limits import DEFAULT_LIMITS, LIMIT_NAMES, Limits, changed
from graphql_api.schema import build_schema
from graphql_api.transports.documents import Documents
from graphql_api.transports.json_text import write_json
from graphql_api.transports.refusal import RequestRefused
from graphql_api.transports.refused_documents import RefusedDocuments

WIDE = Limits(
    characters=10_000_000,
    tokens=1_000_000,
    argument_tokens=1_000_000,
    fragments=10_000,
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


def refused(documents: Documents, text: str, limits: Limits) -> RequestRefused:
    with pytest.raises(RequestRefused) as found:
        documents.get(text, limits)
    return found.value


def refusal(documents: Documents, text: str, limits: Limits) -> str:
    (error,) = refused(documents, text, limits).errors
    assert error["extensions"]["code"] in ("GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED")
    return str(error["message"])


def limited(name: str, most: int) -> Limits:
    change: dict[str, Any] = {name: most}
    return replace(WIDE, **change)


CASES = {
    "characters": ("{ __typename }" + " " * 7, 20),
    "tokens": ("{ a: __typename }", 4),
    "argument_tokens": ('query($v: ID = "x") { node(id: $v) { id } }', 9),
    "fragments": ("{ ...F } fragment F on Query { ...G } fragment G on Query { __typename }", 1),
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
    assert {*CASES, "cost", "seconds", "body_bytes", "response_bytes", "connections"} == set(LIMIT_NAMES)


def test_a_known_document_is_neither_parsed_nor_measured_again_and_still_limited(documents: Documents) -> None:
    text, most = CASES["fields"]
    known = documents.get(text, WIDE)
    assert documents.get(text, DEFAULT_LIMITS[Role.VIEWER]) is known
    assert "7 fields" not in refusal(documents, text, replace(WIDE, fields=most))
    assert documents.get(text, WIDE) is known


def test_documents_are_remembered_up_to_so_many_bytes() -> None:
    documents = Documents(build_schema()._schema, remembered_bytes=5 * (5 * 500 + 3 * 500 + 3 * 80))
    texts = [f"{{ a{n}: __typename }}" for n in range(6)]
    first = [documents.get(text, WIDE) for text in texts]
    again = [documents.get(text, WIDE) for text in reversed(texts)]
    assert [one is other for one, other in zip(first, reversed(again), strict=True)] == [False] + 5 * [True]


EMOJI = "\U0001f600"


def held(act: Callable[[], object]) -> int:
    """How many bytes stay allocated when it is done."""
    gc.collect()
    tracemalloc.start()
    try:
        act()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("length", "many"), [(4_000, 60), (90_000, 8)])
@pytest.mark.parametrize(
    "text", ["{{ __typename }} # {} {}", '{{ node(id: "{}{}") {{ id }} }}'], ids=["comment", "literal"]
)
def test_long_texts_of_few_tokens_hold_no_more_memory_than_others(text: str, length: int, many: int) -> None:
    documents = Documents(build_schema()._schema, remembered_bytes=500_000)
    documents.get("{ __typename }", WIDE)

    def send() -> None:
        for number in range(many):
            documents.get(text.format(number, EMOJI * length), WIDE)

    assert held(send) < 1_000_000


def test_a_long_text_is_remembered_only_if_it_is_trusted() -> None:
    long = "{ __typename } #" + "x" * 30_000
    schema = build_schema()._schema
    documents = Documents(schema)
    assert documents.get(long, WIDE) is not documents.get(long, WIDE)
    trusting = Documents(schema, trusted=[long])
    assert trusting.get(long, WIDE) is trusting.get(long, WIDE)


@pytest.mark.parametrize("text", ["{ nothing }", "{", "{ __schema { types { name } } }"])
def test_what_was_refused_is_not_looked_at_again(
    documents: Documents, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    viewer = DEFAULT_LIMITS[Role.VIEWER]
    first = refused(documents, text, viewer)
    parsed: list[object] = []
    monkeypatch.setattr("graphql_api.transports.documents.parse", lambda *_, **__: parsed.append(1))
    again = refused(documents, text, viewer)
    assert (again.errors, parsed) == (first.errors, [])
    assert again.__traceback__ is not first.__traceback__


def test_who_may_be_shown_suggestions_is_refused_anew(documents: Documents) -> None:
    text = "{ workflow { id } workflws { id } }"
    assert "Did you mean" not in str(refused(documents, text, DEFAULT_LIMITS[Role.VIEWER]).errors)
    assert "Did you mean" in str(refused(documents, text, DEFAULT_LIMITS[Role.ADMIN]).errors)


def test_no_more_refusals_are_remembered_than_a_few() -> None:
    known = RefusedDocuments(documents=3)
    for number in (0, 1, 2, 0, 3, 4):
        with pytest.raises(RequestRefused), known.remembering(str(number), WIDE):
            raise RequestRefused([{"message": str(number)}])
    remembered = []
    for number in range(5):
        try:
            with known.remembering(str(number), WIDE):
                pass
        except RequestRefused:
            remembered.append(number)
    assert remembered == [0, 3, 4]


LONG_ANSWERS = {
    "members": "mutation { startExecution(input: {" + " ".join(f'k{n}: "{"z" * 300}"' for n in range(150)) + "}) { execution { id } } }",
    "a name": "{ " + "a" * 19_000 + " }",
    "a text": '{ executions(filter: {status: "' + "x" * 19_000 + '"}) { nodes { id } } }',
    "repetitions": "query(" + "$v: Int " * 140 + ") { __typename }",
}  # fmt: skip


@pytest.mark.parametrize("name", LONG_ANSWERS)
def test_refusals_do_not_repeat_the_request(documents: Documents, name: str) -> None:
    errors = refused(documents, LONG_ANSWERS[name], Limits()).errors
    assert len(errors) <= 4
    assert len(write_json(errors)) < 4 * 500


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
