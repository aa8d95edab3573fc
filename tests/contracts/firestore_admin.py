"""A server that keeps what Firestore's admin API keeps of one database: its indexes, its fields' configurations, its kind."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio  # type: ignore[import-untyped]  # grpcio ships no types
from google.cloud.firestore_admin_v1 import types
from google.cloud.firestore_admin_v1.services.firestore_admin.transports import FirestoreAdminGrpcAsyncIOTransport
from google.longrunning.operations_pb2 import Operation  # type: ignore[import-untyped]  # made by protobuf

PROJECT = "a-project"
DATABASE = "weft"
NAME = f"projects/{PROJECT}/databases/{DATABASE}"
_PAGE = 7
IndexState: Any = types.Index.State
"""The library makes its enums at run time, and mypy takes their members for numbers."""
ExpiryState: Any = types.Field.TtlConfig.State
Direction: Any = types.Index.IndexField.Order


class AdminServer:
    """`refuses` has the answer of a method instead of its work; `takes` is how many new indexes it accepts. Whatever is being
    built is ready after `builds_in` further calls of ListIndexes.
    """

    def __init__(self) -> None:
        self.database: types.Database | None = types.Database(
            name=NAME, type_=types.Database.DatabaseType.FIRESTORE_NATIVE
        )
        self.indexes: list[types.Index] = []
        self.fields: dict[str, types.Field] = {}
        self.refuses: dict[str, tuple[grpc.StatusCode, str]] = {}
        self.contended = 0
        """How many of the next changes get in the way of another one."""
        self.builds_in = 10**9
        self.calls: list[str] = []
        self._numbers = itertools.count()

    async def get_database(self, _request: types.GetDatabaseRequest, context: Any) -> types.Database:
        if self.database is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "The database does not exist")
        return types.Database(self.database)

    async def list_indexes(self, request: types.ListIndexesRequest, _context: Any) -> types.ListIndexesResponse:
        assert request.parent == f"{NAME}/collectionGroups/-"
        start = int(request.page_token or 0)
        if not start:
            self._build()
        more = str(start + _PAGE) if start + _PAGE < len(self.indexes) else ""
        return types.ListIndexesResponse(indexes=self.indexes[start : start + _PAGE], next_page_token=more)

    async def create_index(self, request: types.CreateIndexRequest, context: Any) -> Operation:
        index = types.Index(request.index)
        index.name = f"{request.parent}/indexes/i{next(self._numbers)}"
        index.state = IndexState.CREATING
        last = index.fields[-1]
        index.fields.append(types.Index.IndexField(field_path="__name__", order=last.order or "ASCENDING"))
        if any(
            (each.fields, each.query_scope) == (index.fields, index.query_scope) for each in self._of(request.parent)
        ):
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "index already exists")
        self.indexes.append(index)
        return Operation(name=f"{NAME}/operations/{index.name}")

    async def list_fields(self, request: types.ListFieldsRequest, _context: Any) -> types.ListFieldsResponse:
        assert request.parent == f"{NAME}/collectionGroups/-"
        assert request.filter == "indexConfig.usesAncestorConfig:false OR ttlConfig:*"
        everything = types.Field(name=f"{NAME}/collectionGroups/__default__/fields/*")
        found, start = [everything, *self.fields.values()], int(request.page_token or 0)
        more = str(start + _PAGE) if start + _PAGE < len(found) else ""
        return types.ListFieldsResponse(fields=found[start : start + _PAGE], next_page_token=more)

    async def update_field(self, request: types.UpdateFieldRequest, context: Any) -> Operation:
        field = self.fields.setdefault(request.field.name, types.Field(name=request.field.name))
        for path in request.update_mask.paths:
            if path == "ttl_config" and field.name.endswith("*"):
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Updating ttl other than single field level")
            setattr(field, path, getattr(request.field, path))
        for index in field.index_config.indexes:
            index.state = IndexState.CREATING
        if "ttl_config" in field:
            field.ttl_config.state = ExpiryState.CREATING
        return Operation(name=f"{NAME}/operations/{next(self._numbers)}")

    def _of(self, collection_group: str) -> list[types.Index]:
        return [each for each in self.indexes if each.name.startswith(f"{collection_group}/")]

    def _build(self) -> None:
        self.builds_in -= 1
        if self.builds_in >= 0:
            return
        for index in [*self.indexes, *(each for field in self.fields.values() for each in field.index_config.indexes)]:
            index.state = IndexState.READY
        for field in self.fields.values():
            if "ttl_config" in field:
                field.ttl_config.state = ExpiryState.ACTIVE

    def handler(self, method: str, work: Callable[[Any, Any], Awaitable[Any]], request: Any) -> Any:
        async def handle(message: Any, context: Any) -> Any:
            self.calls.append(method)
            if method in self.refuses:
                await context.abort(*self.refuses[method])
            if method in {"CreateIndex", "UpdateField"} and self.contended:
                self.contended -= 1
                await context.abort(grpc.StatusCode.ABORTED, "Please retry, underlying data changed")
            answer = await work(message, context)
            return answer.SerializeToString() if isinstance(answer, Operation) else type(answer).serialize(answer)

        return grpc.unary_unary_rpc_method_handler(handle, request_deserializer=request.deserialize)


Connect = Callable[[], FirestoreAdminGrpcAsyncIOTransport]


@asynccontextmanager
async def serving_admin(served: AdminServer) -> AsyncIterator[Connect]:
    """Each call connects anew, as each command does."""
    server = grpc.aio.server()
    handlers = {
        "GetDatabase": served.handler("GetDatabase", served.get_database, types.GetDatabaseRequest),
        "ListIndexes": served.handler("ListIndexes", served.list_indexes, types.ListIndexesRequest),
        "CreateIndex": served.handler("CreateIndex", served.create_index, types.CreateIndexRequest),
        "ListFields": served.handler("ListFields", served.list_fields, types.ListFieldsRequest),
        "UpdateField": served.handler("UpdateField", served.update_field, types.UpdateFieldRequest),
    }
    service = "google.firestore.admin.v1.FirestoreAdmin"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield lambda: transport_to(f"127.0.0.1:{port}")
    finally:
        await server.stop(None)


def transport_to(address: str) -> FirestoreAdminGrpcAsyncIOTransport:
    return FirestoreAdminGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(address))
