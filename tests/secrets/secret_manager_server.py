"""Secret Manager on loopback: the one call that is used, answered as the service does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from google.cloud.secretmanager_v1 import (
    AccessSecretVersionRequest,
    AccessSecretVersionResponse,
    SecretManagerServiceAsyncClient,
    SecretPayload,
)
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcAsyncIOTransport,
)
from grpc import (  # type: ignore[import-untyped]  # gRPC has no types
    StatusCode,
    aio,
    method_handlers_generic_handler,
    unary_unary_rpc_method_handler,
)


@dataclass(kw_only=True)
class SecretManagerServer:
    """`secrets` by the name of the version that is asked for; `refusal` is what everything is answered with instead."""

    secrets: dict[str, bytes] = field(default_factory=dict)
    refusal: StatusCode | None = None
    asked: list[str] = field(default_factory=list)

    async def access(self, request: AccessSecretVersionRequest, context: Any) -> AccessSecretVersionResponse:
        self.asked.append(request.name)
        if self.refusal is not None:
            await context.abort(self.refusal, "said by project 1234")
        if request.name not in self.secrets:
            await context.abort(StatusCode.NOT_FOUND, f"Secret [{request.name}] not found or has no versions.")
        return AccessSecretVersionResponse(name=request.name, payload=SecretPayload(data=self.secrets[request.name]))


@asynccontextmanager
async def serving(server: SecretManagerServer) -> AsyncIterator[str]:
    """Gives `host:port`."""
    grpc_server = aio.server()
    handler = unary_unary_rpc_method_handler(
        server.access,
        request_deserializer=AccessSecretVersionRequest.deserialize,
        response_serializer=AccessSecretVersionResponse.serialize,
    )
    service = "google.cloud.secretmanager.v1.SecretManagerService"
    grpc_server.add_generic_rpc_handlers((method_handlers_generic_handler(service, {"AccessSecretVersion": handler}),))
    port = grpc_server.add_insecure_port("127.0.0.1:0")
    await grpc_server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await grpc_server.stop(None)


def client_of(address: str) -> SecretManagerServiceAsyncClient:
    transport = SecretManagerServiceGrpcAsyncIOTransport(channel=aio.insecure_channel(address))
    return SecretManagerServiceAsyncClient(transport=transport)
