"""What revisions tell of a commit that nobody answered: by a model of one document that others write, and of the cache."""

from itertools import count

from hypothesis import example, given
from hypothesis import strategies as st

from engine.storage.firestore.documents import TOKEN_BYTES, WRITERS_KEPT, Revision
from engine.storage.firestore.preconditions import Fate, fate, first_refusal
from engine.storage.firestore.revisions import Revisions
from engine.storage.port import Create, Delete, Put, Write

A = "tenants/t/executions/a"
OURS = b"our own!"
_NUMBERS = count()


def written(before: Revision | None, token: bytes, *, unseen: bool = False) -> Revision:
    """As the store leaves a document that somebody puts, on a condition or unseen."""
    rev, moment, writers = before or Revision(0, (0, 0), b"")
    known = b"" if unseen else writers
    return Revision(rev + 1, (moment[0] + 1, 0), (token + known)[: TOKEN_BYTES * WRITERS_KEPT])


def written_by_others(before: Revision | None, unseen: list[bool]) -> Revision | None:
    for each in unseen:
        before = written(before, next(_NUMBERS).to_bytes(TOKEN_BYTES), unseen=each)
    return before


def ours(before: Revision | None) -> Write:
    return Put(path=A, body=b"", if_rev=before.rev) if before else Create(path=A, body=b"")


OTHERS = st.lists(st.booleans(), max_size=12)


@given(earlier=OTHERS, later=OTHERS)
@example(earlier=[], later=[])
@example(earlier=[True], later=[False] * 7)
def test_what_was_applied_is_never_taken_for_not_applied(earlier: list[bool], later: list[bool]) -> None:
    before = written_by_others(None, earlier)
    found = written_by_others(written(before, OURS), later)
    decided = fate([ours(before)], [found], OURS)
    assert decided is not Fate.NOT_APPLIED
    if len(later) < WRITERS_KEPT and not any(later):
        assert decided is Fate.APPLIED


@given(earlier=OTHERS, later=OTHERS)
@example(earlier=[], later=[])
@example(earlier=[True], later=[False] * 8)
def test_what_was_not_applied_is_never_taken_for_applied(earlier: list[bool], later: list[bool]) -> None:
    before = written_by_others(None, earlier)
    found = written_by_others(before, later)
    decided = fate([ours(before)], [found], OURS)
    assert decided is not Fate.APPLIED
    if len(later) <= WRITERS_KEPT and not any(later):
        assert decided is Fate.NOT_APPLIED
    if decided is Fate.NOT_APPLIED and later:
        assert first_refusal([ours(before)], [found]) == A


def test_one_document_that_tells_speaks_for_the_commit() -> None:
    silent: list[Write] = [Delete(path=f"{A}1"), Delete(path=f"{A}2", if_rev=1), Put(path=f"{A}3", body=b"")]
    assert fate(silent, [None, None, None], OURS) is Fate.UNKNOWN
    one = written(None, b"others' ")
    assert fate([*silent, Create(path=A, body=b"")], [None, None, None, written(None, OURS)], OURS) is Fate.APPLIED
    assert fate([*silent, Create(path=A, body=b"")], [None, None, None, one], OURS) is Fate.NOT_APPLIED
    assert fate([Delete(path=A, if_rev=1)], [one], OURS) is Fate.NOT_APPLIED


def test_the_cache_keeps_the_newest_and_a_bounded_number() -> None:
    revisions = Revisions(kept=2)
    old, new = Revision(1, (5, 0), b""), Revision(2, (5, 1), b"")
    revisions.learn("a", new)
    revisions.learn("a", old)
    assert revisions.get("a") == new
    for name in ("b", "a", "c"):
        revisions.learn(name, new)
    assert [revisions.get(name) for name in "abc"] == [new, None, new]
    revisions.forget("a")
    assert revisions.get("a") is None
