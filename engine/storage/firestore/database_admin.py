"""How a database is set up: the few calls of Firestore's admin API, in the words of the index plan."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import msgspec
from google.api_core import exceptions
from google.api_core.retry import AsyncRetry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore_admin_v1 import types
from google.cloud.firestore_admin_v1.services.firestore_admin import FirestoreAdminAsyncClient
from google.cloud.firestore_admin_v1.services.firestore_admin.transports import FirestoreAdminGrpcAsyncIOTransport

from engine.domain.errors import Unavailable
from engine.storage.errors import CannotOpenStore
from engine.storage.firestore.database import Database
from engine.storage.firestore.index_plan import FieldConfig, Index, IndexField, Mode, Scope
from engine.storage.firestore.opening import locate

_SECONDS = 30.0
_OVERRIDDEN = "indexConfig.usesAncestorConfig:false OR ttlConfig:*"
"""The only filter that the API takes. It lists the database's default as well."""
_NAME = "__name__"
_CONTENDED = AsyncRetry(
    predicate=if_exception_type(exceptions.Aborted), initial=0.1, maximum=5.0, multiplier=2.0, timeout=_SECONDS
)
"""Changes that come soon after one another get in each other's way."""

T = TypeVar("T")


class Refused(Exception):
    """One index or field was refused; others may be taken. Its message is Firestore's."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an index or a field's configuration is in the database."""

    id: str = ""
    """What Firestore calls a composite index."""
    building: bool = False
    broken: bool = False
    """It will never be ready: its construction failed."""


class DatabaseAdmin:
    """Raises `Unavailable` where the API does not answer, `CannotOpenStore` where the database or the permission is missing."""

    def __init__(self, client: FirestoreAdminAsyncClient, database: Database) -> None:
        self._client = client
        self._project = database.project
        self._id = database.database
        self._database = database.name
        self._everywhere = f"{self._database}/collectionGroups/-"

    async def check(self) -> None:
        """That the database is there, and is one that Weft can use."""
        try:
            found = await self._call(self._client.get_database(name=self._database, retry=None, timeout=_SECONDS))
        except exceptions.NotFound as error:
            raise CannotOpenStore(
                f"there is no Firestore database {self._id!r} in project {self._project!r}; create it with: gcloud firestore "
                f"databases create --project={self._project} --database='{self._id}' --location=LOCATION "
                "(such as eur3, nam5 or a region; it cannot be changed later)"
            ) from error
        except exceptions.ClientError as error:
            raise CannotOpenStore(f"{self._database} cannot be used: {error.message}") from error
        if found.type_ is types.Database.DatabaseType.DATASTORE_MODE:
            raise CannotOpenStore(
                f"{self._database} is in Datastore mode; Weft needs Native mode: create another database and name it in WEFT_DATABASE"
            )
        if found.database_edition is types.Database.DatabaseEdition.ENTERPRISE:
            raise CannotOpenStore(
                f"{self._database} is of the Enterprise edition, which indexes otherwise; Weft needs the Standard edition: create "
                "another database and name it in WEFT_DATABASE"
            )

    async def composites(self) -> dict[Index, Standing]:
        """Those of a kind that Weft may declare, such as none over vectors."""
        pages = await self._call(self._client.list_indexes(parent=self._everywhere, retry=None, timeout=_SECONDS))
        with _translated(self._project):
            return {_read_index(each): _index_standing(each) async for each in pages if _is_known(each)}

    async def fields(self) -> dict[FieldConfig, Standing]:
        """Those that do not have the database's default."""
        request = types.ListFieldsRequest(parent=self._everywhere, filter=_OVERRIDDEN)
        pages = await self._call(self._client.list_fields(request=request, retry=None, timeout=_SECONDS))
        with _translated(self._project):
            return {
                _read_field(each): _field_standing(each) async for each in pages if "/__default__/" not in each.name
            }

    async def create(self, index: Index) -> None:
        """Begins to build it. One that somebody else has begun meanwhile is as good. Raises `Refused`."""
        parent = f"{self._database}/collectionGroups/{index.collection}"
        try:
            await self._call(
                self._client.create_index(parent=parent, index=_write_index(index), retry=_CONTENDED, timeout=_SECONDS)
            )
        except exceptions.AlreadyExists:
            return
        except exceptions.GoogleAPICallError as error:
            raise Refused(error.message) from error

    async def configure(self, config: FieldConfig) -> None:
        """Begins to change a field. Raises `Refused`."""
        field = types.Field(
            name=f"{self._database}/collectionGroups/{config.collection}/fields/{config.path}",
            index_config=types.Field.IndexConfig(indexes=[_write_index(each) for each in config.single_fields()]),
        )
        # Only what the mask names is changed: an expiry that is on stays on, and `*` cannot have one.
        paths = ["index_config"]
        if config.expires:
            field.ttl_config = types.Field.TtlConfig()
            paths.append("ttl_config")
        request = types.UpdateFieldRequest(field=field, update_mask={"paths": paths})
        try:
            await self._call(self._client.update_field(request=request, retry=_CONTENDED, timeout=_SECONDS))
        except exceptions.GoogleAPICallError as error:
            raise Refused(error.message) from error

    async def _call(self, call: Awaitable[T]) -> T:
        with _translated(self._project):
            return await call


@asynccontextmanager
async def open_admin(
    *, project: str | None, database: str, transport: FirestoreAdminGrpcAsyncIOTransport | None = None
) -> AsyncIterator[DatabaseAdmin]:
    """With the application default credentials; without `project`, the one they are for. `transport` replaces Google's, and needs
    no credentials but the project. Raises `CannotOpenStore`.
    """
    located = Database(project=project or "", database=database)
    if transport is not None:
        client = FirestoreAdminAsyncClient(transport=transport)
    else:
        located, credentials = await locate(project, database, None)
        client = FirestoreAdminAsyncClient(credentials=credentials)
    try:
        yield DatabaseAdmin(client, located)
    finally:
        await client.transport.close()  # type: ignore[no-untyped-call]  # the library leaves it untyped


@contextmanager
def _translated(project: str) -> Iterator[None]:
    """What is wrong with one request alone passes."""
    try:
        yield
    except (exceptions.PermissionDenied, exceptions.Unauthenticated) as error:
        raise CannotOpenStore(
            f"these credentials may not do this in project {project!r}: {error.message} (creating indexes takes the role "
            "roles/datastore.indexAdmin, looking at them roles/datastore.viewer)"
        ) from error
    except (exceptions.ServerError, exceptions.RetryError, GoogleAuthError) as error:
        raise Unavailable(f"Firestore's admin API does not answer: {error}") from error


def _write_index(index: Index) -> types.Index:
    fields = [{"field_path": path, **_write_mode(mode)} for path, mode in index.fields]
    return types.Index(query_scope=index.scope.value, fields=fields)


def _write_mode(mode: Mode) -> dict[str, str]:
    return {"array_config" if mode is Mode.CONTAINS else "order": mode.value}


def _is_known(index: types.Index) -> bool:
    return index.query_scope.name in Scope.__members__ and all(
        "order" in each or "array_config" in each for each in index.fields
    )


def _read_index(index: types.Index) -> Index:
    """Firestore adds the document's name to the fields. One in the default direction says nothing; another makes it another index."""
    fields = tuple(IndexField(each.field_path, _read_mode(each)) for each in index.fields)
    if fields[-1].path == _NAME:
        default = Mode.DESCENDING if fields[-2].mode is Mode.DESCENDING else Mode.ASCENDING
        fields = fields[:-1] if fields[-1].mode is default else fields
    return Index(collection=_after("collectionGroups", index.name), scope=_read_scope(index), fields=fields)


def _read_field(field: types.Field) -> FieldConfig:
    indexes = [] if field.index_config.uses_ancestor_config else field.index_config.indexes
    return FieldConfig(
        collection=_after("collectionGroups", field.name),
        path=_after("fields", field.name),
        indexes=frozenset((_read_scope(each), _read_mode(each.fields[0])) for each in indexes),
        expires="ttl_config" in field,
    )


def _read_mode(field: types.Index.IndexField) -> Mode:
    return Mode[field.order.name] if "order" in field else Mode.CONTAINS


def _read_scope(index: types.Index) -> Scope:
    return Scope[index.query_scope.name]


def _index_standing(index: types.Index) -> Standing:
    state = types.Index.State
    return Standing(
        id=_after("indexes", index.name),
        building=index.state is state.CREATING,
        broken=index.state is state.NEEDS_REPAIR,
    )


def _field_standing(field: types.Field) -> Standing:
    indexes = [_index_standing(each) for each in field.index_config.indexes]
    expiry, state = field.ttl_config.state, types.Field.TtlConfig.State
    return Standing(
        building=expiry is state.CREATING or field.index_config.reverting or any(each.building for each in indexes),
        broken=expiry is state.NEEDS_REPAIR or any(each.broken for each in indexes),
    )


def _after(segment: str, name: str) -> str:
    """The id behind a segment of a resource's name."""
    return name.partition(f"/{segment}/")[2].partition("/")[0]
