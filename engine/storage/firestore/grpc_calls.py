"""The calls over gRPC: the library's channel and credentials, without the library's wrappers, retries and time limits."""

from collections.abc import Sequence
from typing import Any

import grpc.aio  # type: ignore[import-untyped]  # grpcio ships no types
from google.auth.credentials import Credentials
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcAsyncIOTransport

from engine.storage.firestore import messages
from engine.storage.firestore.calls import CallFailed, Calls
from engine.storage.firestore.database import Database, Metadata
from engine.storage.firestore.messages import Message

_SERVICE = "/google.firestore.v1.Firestore"
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),  # a connection that died in silence is noticed
)


class GrpcCalls(Calls):
    """Belongs to the event loop it was made in."""

    def __init__(self, database: Database, credentials: Credentials | None) -> None:
        """`credentials` are needed for the service alone."""
        self._database = database
        self._channel = _channel(database, credentials)
        self._by_database = database.metadata("database", database.name)
        self._commit = self._unary("Commit", messages.CommitRequest, messages.CommitResponse)
        self._get_document = self._unary("GetDocument", messages.GetDocumentRequest, messages.Document)
        self._batch_get_documents = self._stream(
            "BatchGetDocuments", messages.BatchGetDocumentsRequest, messages.BatchGetDocumentsResponse
        )
        self._run_query = self._stream("RunQuery", messages.RunQueryRequest, messages.RunQueryResponse)
        self._run_aggregation_query = self._stream(
            "RunAggregationQuery", messages.RunAggregationQueryRequest, messages.RunAggregationQueryResponse
        )

    async def commit(self, request: Message, seconds: float) -> Message:
        return await _answer(self._commit, request, seconds, self._by_database)

    async def get_document(self, request: Message, seconds: float) -> Message:
        return await _answer(self._get_document, request, seconds, self._database.metadata("name", request.name))

    async def batch_get_documents(self, request: Message, seconds: float) -> Sequence[Message]:
        return await _answers(self._batch_get_documents, request, seconds, self._by_database)

    async def run_query(self, request: Message, seconds: float) -> Sequence[Message]:
        return await _answers(self._run_query, request, seconds, self._database.metadata("parent", request.parent))

    async def run_aggregation_query(self, request: Message, seconds: float) -> Sequence[Message]:
        metadata = self._database.metadata("parent", request.parent)
        return await _answers(self._run_aggregation_query, request, seconds, metadata)

    async def close(self) -> None:
        await self._channel.close()

    def _unary(self, method: str, request: Message, response: Message) -> Any:
        return self._channel.unary_unary(
            f"{_SERVICE}/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

    def _stream(self, method: str, request: Message, response: Message) -> Any:
        return self._channel.unary_stream(
            f"{_SERVICE}/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )


def _channel(database: Database, credentials: Credentials | None) -> Any:
    if database.emulator is not None:
        return grpc.aio.insecure_channel(database.emulator, options=_OPTIONS)
    return FirestoreGrpcAsyncIOTransport.create_channel(
        database.address,
        credentials=credentials,
        scopes=FirestoreGrpcAsyncIOTransport.AUTH_SCOPES,
        options=_OPTIONS,
    )


async def _answer(method: Any, request: Message, seconds: float, metadata: Metadata) -> Message:
    try:
        return await method(request, timeout=seconds, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        raise _failure(error) from error


async def _answers(method: Any, request: Message, seconds: float, metadata: Metadata) -> Sequence[Message]:
    try:
        return [answer async for answer in method(request, timeout=seconds, metadata=metadata)]
    except grpc.aio.AioRpcError as error:
        raise _failure(error) from error


def _failure(error: Any) -> CallFailed:
    return CallFailed(error.code(), error.details() or "")
