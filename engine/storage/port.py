"""DocumentStore: all that the engine asks of a database.

A document has a path of alternating collection and id segments (`tenants/t1/executions/ex_1`), a counter `rev` that every write
raises, a JSON `body` (bytes, opaque to the store) and `fields`: the few values that queries filter and order by. Collections and
their fields are declared in `indexes.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from engine.domain.errors import WeftError

FieldValue = str | int | float | bool | datetime | tuple[str, ...] | None
"""A tuple is a set of strings that `CONTAINS` looks into. Datetimes are UTC with microseconds. None is not found by any filter, and
comes back as a field that is not there.
"""

MAX_WRITES = 400
MAX_BODY_BYTES = 1_000_000
"""What Firestore takes in one document, less room for path and fields."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    rev: int
    fields: Mapping[str, FieldValue]
    body: bytes

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]


class Create(msgspec.Struct, frozen=True, kw_only=True):
    """Fails with `Conflict` if the document exists. Its `rev` becomes 1."""

    path: str
    body: bytes
    fields: Mapping[str, FieldValue] = msgspec.field(default_factory=dict)


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """Replaces the whole document, or creates it where `if_rev` is None. With `if_rev` it fails with `Conflict` unless the
    document exists with that rev. Raises the rev by one, also where nothing else changes.
    """

    path: str
    body: bytes
    fields: Mapping[str, FieldValue] = msgspec.field(default_factory=dict)
    if_rev: int | None = None


class Delete(msgspec.Struct, frozen=True, kw_only=True):
    """Deleting what does not exist is no error, unless `if_rev` is given (then `Conflict`). Subcollections stay."""

    path: str
    if_rev: int | None = None


Write = Create | Put | Delete


class Op(StrEnum):
    EQ = "=="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    """Any of up to 30 values (a tuple)."""
    CONTAINS = "contains"
    """The field is a tuple that holds the value."""


class Filter(msgspec.Struct, frozen=True):
    field: str
    op: Op
    value: FieldValue


class Order(msgspec.Struct, frozen=True):
    field: str
    descending: bool = False


class Conflict(WeftError):
    """A precondition did not hold; nothing of the commit was written. `document` is the path of the first one that failed."""

    code = "CONFLICT"

    def __init__(self, document: str) -> None:
        super().__init__(f"{document} was changed by somebody else")
        self.document = document


class UndeclaredQuery(WeftError):
    """The collection or the query's shape is not in `indexes.py`: it would be slow here and refused by Firestore."""


class UndeclaredField(WeftError):
    """A field is not in `indexes.py`, or its value is not of the declared type."""


class DocumentStore(ABC):
    """Atomic, durable, keyed documents with declared queries.

    Reads see every commit that was acknowledged before they began. Any method may raise `Unavailable` (disk full, no answer in
    time, closed). A commit that raises it has not been applied; where the store is shared and stopped answering it may have been,
    so whoever tries again decides on what is stored by then. Paths, page sizes and cursors that cannot be are `BadRequest`.
    Concurrent use from one event loop is allowed.
    """

    exclusive: bool
    """True where this process is the only one that can have the store open, so that leases found at start are void."""

    deletes_expired: bool = False
    """True where documents go by themselves some time after their `expire_at`, except those that have others below them."""

    async def now(self) -> datetime | None:
        """The time by the store's own clock at the moment this returns, UTC, for processes on machines whose clocks differ. None where
        the store has none: then this machine's is the only one.
        """
        return None

    @abstractmethod
    async def get(self, path: str) -> Document | None: ...

    @abstractmethod
    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        """In the order of `paths`."""

    @abstractmethod
    async def query(
        self,
        collection: str,
        *,
        filters: Sequence[Filter] = (),
        order: Sequence[Order] = (),
        start_after: Sequence[FieldValue] | None = None,
        limit: int,
        bodies_only: bool = False,
    ) -> list[Document]:
        """Documents of one collection, ordered by `order` and then by document id in the direction of the last order.

        `collection` is a path (`tenants/t1/executions`), or a bare collection name (`executions`) for a query over all parents,
        which sweeps alone may ask. `start_after` gives one value for each order and the document id last (the whole path
        where the collection is a bare name); the page starts behind it, whether or not that document still exists. A filter with
        LT, LE, GT or GE, and an order, leave out documents where that field is None.

        `limit` is at least 1. With `bodies_only` the documents may come without `fields`: reading those costs the embedded store
        as much as all else. Raises `UndeclaredQuery` if no declared index covers the shape.
        """

    @abstractmethod
    async def count(self, collection: str, *, filters: Sequence[Filter] = ()) -> int:
        """How many documents match. Raises `UndeclaredQuery` as `query` does."""

    @abstractmethod
    async def commit(self, writes: Sequence[Write]) -> None:
        """All of them or none, at most `MAX_WRITES`, no path twice. Durable when it returns; one whose caller is cancelled is
        still applied as a whole or not at all. Raises `Conflict`, `UndeclaredField`, and `PayloadTooLarge` for a body over
        `MAX_BODY_BYTES`.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finishes the commits under way. Idempotent."""
