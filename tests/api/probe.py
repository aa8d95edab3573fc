"""A schema without an engine, so that transports can be tried by themselves."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import cast

import strawberry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from strawberry.schema.config import StrawberryConfig

from engine.domain.errors import BadRequest, NotFound, Unavailable
from engine.usecases.services import Services
from graphql_api.admission.admission import Admission
from graphql_api.admission.limits import DEFAULT_LIMITS, RoleLimits
from graphql_api.admission.persisted import PersistedDocuments
from graphql_api.admission.places import Places
from graphql_api.admission.rates import Rates
from graphql_api.context import LOCAL_OWNER, Credentials, Identity, Info, Runtime
from graphql_api.fanout.sharing import Beginning, Shared, Sharing
from graphql_api.fanout.streams import Streams
from graphql_api.metrics import Metrics
from graphql_api.transports.documents import Documents
from graphql_api.transports.heartbeat import Patience
from graphql_api.transports.http import GraphQLOverHTTP
from graphql_api.transports.local_guard import LocalGuard
from graphql_api.transports.operations import Operations
from graphql_api.transports.websocket import MAX_OPERATIONS, GraphQLOverWebSocket
from graphql_api.types.scalars import JSON, SCALARS
from tests.patience import PATIENCE_SECONDS

NO_SERVICES = cast("Services", None)


@dataclass
class ProbeRuntime:
    """Remembers what it was shown."""

    local: bool = True
    seen: list[str | None] = field(default_factory=list)

    @property
    def services(self) -> Services:
        return NO_SERVICES

    async def identify(self, credentials: Credentials) -> Identity:
        self.seen.append(credentials.authorization)
        return Identity(caller=LOCAL_OWNER)


@strawberry.type
class Query:
    plain: str = "as it is"

    @strawberry.field
    def echo(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    def extensions(self, info: Info) -> JSON:
        return JSON(dict(info.context.extensions))

    @strawberry.field
    def number(self, value: int = 1) -> int:
        return value

    @strawberry.field
    def itself(self) -> "Query":
        return self if isinstance(self, Query) else Query()

    @strawberry.field
    def hollow(self) -> "Query | None":
        return Query(plain=cast("str", None))

    @strawberry.field
    def refused(self) -> int:
        raise BadRequest("first must be between 1 and 100, not 0", path=("first",))

    @strawberry.field
    def unavailable(self) -> int | None:
        raise Unavailable("the store does not answer")

    @strawberry.field
    def broken(self) -> int | None:
        raise RuntimeError("the password is hunter2")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def bump(self, by: int = 1) -> int:
        return by + 1


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, info: Info, to: int, after: int = 0) -> AsyncGenerator[int, None]:
        for seq in range((info.context.position.after or after) + 1, to + 1):
            info.context.position.seq = seq
            yield seq

    @strawberry.subscription
    async def missing(self) -> AsyncGenerator[int, None]:
        raise NotFound("there is no such thing", path=("id",))
        yield 1

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError("the password is hunter2")

    @strawberry.subscription
    async def endless(self, size: int = 1) -> AsyncGenerator[str, None]:
        STREAMS.clear()
        try:
            while True:
                STREAMS.append("pulled")
                yield secrets.token_hex(size // 2)
                await asyncio.sleep(0)
        finally:
            STREAMS.append("closed")

    @strawberry.subscription
    async def silent(self) -> AsyncGenerator[int, None]:
        STREAMS.clear()
        try:
            await asyncio.Event().wait()
            yield 1
        finally:
            STREAMS.append("closed")


STREAMS: list[str] = []
"""What happened to the last endless or silent stream: `pulled` for every event, and `closed`."""


async def stream_closed() -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "closed" not in STREAMS:
            await asyncio.sleep(0.001)


PATIENCE = Patience(init_seconds=0.1)


def probe_app(
    runtime: Runtime,
    metrics: Metrics | None = None,
    limits: RoleLimits = DEFAULT_LIMITS,
    *,
    patience: Patience = PATIENCE,
    operations_of_a_socket: int = MAX_OPERATIONS,
    persisted: PersistedDocuments | None = None,
    rates: Rates | None = None,
    places: Places | None = None,
) -> Starlette:
    metrics = metrics or Metrics(NO_SERVICES)
    schema = strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map=SCALARS))._schema
    operations = Operations(Admission(Documents(schema), limits, persisted), metrics, rates, places)
    streams = Streams(operations, Sharing({"count": Shared(Beginning.LOG, resumes_by="after")}), metrics)
    page = "<!doctype html>" if runtime.local else None
    sockets = GraphQLOverWebSocket(streams, runtime, patience=patience, operations=operations_of_a_socket)
    return Starlette(
        routes=[
            Route("/graphql", GraphQLOverHTTP(operations, streams, runtime, page)),
            WebSocketRoute("/graphql", sockets),
        ],
        middleware=[Middleware(LocalGuard)] if runtime.local else [],
    )
