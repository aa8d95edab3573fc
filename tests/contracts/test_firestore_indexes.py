"""The generated indexes serve every declared query by Firestore's documented rules, and there is none too many."""

import pytest

from engine.storage.firestore.coverage import asked, serving
from engine.storage.firestore.index_plan import (
    EVERY_FIELD,
    EXPIRY,
    PARENTS,
    Index,
    IndexField,
    Mode,
    Scope,
    plan_indexes,
)
from engine.storage.indexes import COLLECTIONS, Collection, FieldType, Shape
from engine.storage.port import Filter, Op, Order
from tests.contracts.declared_questions import every_question, grouped_questions

PLAN = plan_indexes()
MOST_COMPOSITES = 200
"""What a database may have while nobody has asked for more."""
MOST_FIELDS = 200
MOST_INDEX_ENTRIES = 40_000
"""Of one document."""
DECLARED = [pytest.param(each, id=name) for name, each in COLLECTIONS.items()]


def of(collection: Collection) -> list[Index]:
    return [index for index in PLAN.indexes() if index.collection == collection.name]


@pytest.mark.parametrize("collection", DECLARED)
def test_every_declared_query_and_count_is_served(collection: Collection) -> None:
    for question in set(every_question(collection)):
        assert serving(of(collection), question) is not None, question


@pytest.mark.parametrize("collection", DECLARED)
def test_fields_that_deserve_an_index_of_their_own_are_not_merged(collection: Collection) -> None:
    for question in set(grouped_questions(collection)):
        assert len(serving(of(collection), question) or ()) == 1, question


@pytest.mark.parametrize("collection", DECLARED)
def test_without_any_one_index_a_declared_query_is_refused_or_merged(collection: Collection) -> None:
    questions = sorted(set(every_question(collection)), key=lambda question: len(question.fixed))
    grouped = set(grouped_questions(collection))
    for index in of(collection):
        others = [each for each in of(collection) if each != index]
        refused = any(serving(others, each) is None for each in questions)
        assert refused or any(len(serving(others, each) or ()) > 1 for each in grouped), f"{index} is not needed"


def test_the_plan_is_within_firestores_limits() -> None:
    assert len(PLAN.composites) <= MOST_COMPOSITES
    assert len(PLAN.fields) <= MOST_FIELDS
    assert len(set(PLAN.indexes())) == len(list(PLAN.indexes()))


def test_an_execution_with_a_thousand_labels_has_few_enough_index_entries() -> None:
    entries = [
        1000 if any(field.mode is Mode.CONTAINS for field in index.fields) else 1
        for index in of(COLLECTIONS["executions"])
    ]
    assert sum(entries) < MOST_INDEX_ENTRIES


def test_fields_that_nobody_asks_for_alone_are_not_indexed() -> None:
    for name, collection in COLLECTIONS.items():
        configs = {each.path: each for each in PLAN.fields if each.collection == name}
        assert configs[EVERY_FIELD].indexes == frozenset()
        assert configs.keys() <= {*collection.fields, EVERY_FIELD}
    assert not any(
        each.path in {"shard", "due_at", "priority"} for each in PLAN.fields if each.collection == "executions"
    )


def test_documents_expire_by_themselves_where_nothing_lies_below_them() -> None:
    expiring = {each.collection for each in PLAN.fields if each.expires}
    assert expiring == COLLECTIONS.keys() - PARENTS
    assert all(each.path == EXPIRY for each in PLAN.fields if each.expires)


NEWEST = (Order("at", descending=True),)
BY_KIND = Index(
    collection="things",
    scope=Scope.COLLECTION,
    fields=(IndexField("kind", Mode.ASCENDING), IndexField("at", Mode.DESCENDING)),
)
BY_TAG = Index(
    collection="things",
    scope=Scope.COLLECTION,
    fields=(IndexField("tags", Mode.CONTAINS), IndexField("at", Mode.DESCENDING)),
)
KIND, TAG = Filter("kind", Op.EQ, "a"), Filter("tags", Op.CONTAINS, "a")


def served(indexes: list[Index], *filters: Filter, order: tuple[Order, ...] = (), group: bool = False) -> bool:
    question = asked("things", filters, order, group=group)
    return question is not None and serving(indexes, question) is not None


def test_an_index_serves_its_own_query_and_no_other() -> None:
    assert served([BY_KIND], KIND, order=NEWEST)
    assert served([BY_KIND], Filter("kind", Op.IN, ("a", "b")), order=NEWEST)
    assert served([BY_KIND], KIND, Filter("at", Op.LT, 1), order=NEWEST)
    assert not served([BY_KIND], KIND, order=(Order("at"),))
    assert not served([BY_KIND], KIND, Filter("at", Op.LT, 1))
    assert not served([BY_KIND], KIND)
    assert not served([BY_KIND], order=NEWEST)
    assert not served([BY_KIND], TAG, order=NEWEST)
    assert not served([BY_KIND], Filter("kind", Op.CONTAINS, "a"), order=NEWEST)
    assert not served([BY_KIND], KIND, order=NEWEST, group=True)
    assert not served([BY_KIND], KIND, Filter("kind", Op.LT, "a"), order=NEWEST)


def test_indexes_that_end_alike_are_merged() -> None:
    assert served([BY_KIND, BY_TAG], KIND, TAG, order=NEWEST)
    assert not served([BY_KIND], KIND, TAG, order=NEWEST)
    upwards = Index(
        collection="things", scope=Scope.COLLECTION, fields=(BY_TAG.fields[0], IndexField("at", Mode.ASCENDING))
    )
    assert not served([BY_KIND, upwards], KIND, TAG, order=NEWEST)


def test_the_document_name_is_sorted_like_the_last_field() -> None:
    (up, down) = (
        Index(collection="things", scope=Scope.COLLECTION, fields=(IndexField("kind", mode),))
        for mode in (Mode.ASCENDING, Mode.DESCENDING)
    )
    assert served([up], KIND)
    assert not served([down], KIND)
    assert served([], order=())


def test_two_containments_cannot_be_asked() -> None:
    assert not served([BY_TAG], TAG, Filter("tags", Op.CONTAINS, "b"), order=NEWEST)


def test_a_new_declaration_is_followed() -> None:
    lanes = Collection(
        name="lanes",
        fields={"name": FieldType.STRING, "shard": FieldType.STRING, "at": FieldType.TIME},
        shapes=(Shape(group=True, orders=(NEWEST,), required=("name",), keys=(("shard",),), any_of="shard"),),
    )
    assert [str(index) for index in plan_indexes([lanes]).indexes()] == [
        "lanes: name ascending, at descending over all parents",
        "lanes: name ascending, shard ascending, at descending over all parents",
    ]
