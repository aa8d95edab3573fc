"""Every DocumentStore agrees with a dictionary, whatever is written and asked."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.storage.indexes import COLLECTIONS, Collection
from engine.storage.port import Conflict, Create, Delete, Document, DocumentStore, FieldValue, Put, Write
from tests.contracts.backends import OpenStore
from tests.contracts.declared_queries import DeclaredQuery, fields_of, queries
from tests.contracts.dictionary import Dictionary

_IDS = ("a", "b", "c", "d")
_TENANTS = ("t1", "t2")
_REVS = st.sampled_from((None, None, None, 0, 1, 2, 3))


def commits(collection: Collection) -> st.SearchStrategy[list[Write]]:
    paths = st.builds(
        lambda tenant, i: f"tenants/{tenant}/{collection.name}/{i}", *map(st.sampled_from, (_TENANTS, _IDS))
    )
    bodies, fields = st.binary(max_size=4), fields_of(collection)
    write = st.one_of(
        st.builds(Create, path=paths, body=bodies, fields=fields),
        st.builds(Put, path=paths, body=bodies, fields=fields, if_rev=_REVS),
        st.builds(Put, path=paths, body=bodies, fields=fields),
        st.builds(Delete, path=paths, if_rev=_REVS),
    )
    return st.lists(write, min_size=1, max_size=4, unique_by=lambda each: each.path)


async def outcome(store: DocumentStore, writes: Sequence[Write]) -> str | None:
    try:
        await store.commit(writes)
    except Conflict as conflict:
        return conflict.document
    return None


def expected_outcome(model: Dictionary, writes: Sequence[Write]) -> str | None:
    try:
        model.commit(writes)
    except Conflict as conflict:
        return conflict.document
    return None


async def read_in_pages(store: DocumentStore, path: str, query: DeclaredQuery, size: int) -> list[Document]:
    found: list[Document] = []
    after: list[FieldValue] | None = None
    while True:
        page = await store.query(path, filters=query.filters, order=query.order, start_after=after, limit=size)
        found += page
        if len(page) < size:
            return found
        last = page[-1]
        after = [*(last.fields[each.field] for each in query.order), last.path if query.shape.group else last.id]


def plain(documents: Sequence[Document]) -> list[tuple[str, int, dict[str, FieldValue], bytes]]:
    return [(each.path, each.rev, dict(each.fields), each.body) for each in documents]


@pytest.mark.parametrize("name", ["executions", "workflows", "waits", "memory", "chunks", "checkpoints"])
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_the_store_agrees_with_a_dictionary(open_store: OpenStore, name: str, data: st.DataObject) -> None:
    """The fixture makes a new store on each call, so examples share nothing."""
    collection, model = COLLECTIONS[name], Dictionary()
    async with open_store() as store:
        for writes in data.draw(st.lists(commits(collection), max_size=8)):
            assert await outcome(store, writes) == expected_outcome(model, writes)
        for query in data.draw(st.lists(queries(collection), min_size=1, max_size=6)):
            path = name if query.shape.group else f"tenants/t1/{name}"
            expected = model.query(path, query.filters, query.order)
            assert plain(await read_in_pages(store, path, query, size=2)) == plain(expected)
            if query.shape.counts(query.filters):
                assert await store.count(path, filters=query.filters) == len(model.matching(path, query.filters))
        found = await store.get_many(sorted(model.documents))
        assert plain([each for each in found if each]) == plain(
            [model.documents[path] for path in sorted(model.documents)]
        )
