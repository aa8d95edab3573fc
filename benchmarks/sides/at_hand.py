"""The GraphQL server over a schema whose data is in memory: what remains is reading requests, executing them and writing answers."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

import strawberry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from strawberry.schema.config import StrawberryConfig

from benchmarks.answering import answer, run
from benchmarks.sides.plain_route import server_of
from engine.bootstrap import open_engine
from engine.settings import Settings
from engine.usecases.services import Services
from graphql_api.admission.admission import Admission
from graphql_api.context import LOCAL_OWNER, Credentials, Identity
from graphql_api.fanout.sharing import Sharing
from graphql_api.fanout.streams import Streams
from graphql_api.metrics import Metrics
from graphql_api.transports.documents import Documents
from graphql_api.transports.http import GraphQLOverHTTP
from graphql_api.transports.operations import Operations
from graphql_api.transports.shortcut import Shortcut
from graphql_api.types.scalars import SCALARS
from weft.collection import without_collection


@strawberry.enum
class Status(Enum):
    RUNNING = "RUNNING"
    ENDED = "ENDED"


@strawberry.type
class Item:
    id: strawberry.ID
    name: str
    status: Status
    count: int
    weight: float
    done: bool
    created_at: datetime
    note: str | None


_BEGUN = datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=UTC)
ITEMS = [
    Item(
        id=strawberry.ID(f"it_{number:026}"),
        name=f"item {number}",
        status=Status.ENDED if number % 2 else Status.RUNNING,
        count=number,
        weight=number / 7,
        done=bool(number % 2),
        created_at=_BEGUN + timedelta(seconds=number),
        note=None if number % 3 else "a note",
    )
    for number in range(100)
]


@strawberry.type
class Query:
    @strawberry.field
    async def items(self, first: int) -> list[Item]:
        return ITEMS[:first]


class Runtime:
    local = False

    def __init__(self, services: Services) -> None:
        self.services = services

    async def identify(self, credentials: Credentials) -> Identity:
        del credentials
        return Identity(caller=LOCAL_OWNER)


def app(services: Services) -> Starlette:
    schema = strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS))._schema  # noqa: SLF001 # no public way
    metrics = Metrics(services)
    operations = Operations(Admission(Documents(schema), reports_cost=True), metrics)
    streams = Streams(operations, Sharing({}), metrics)
    http = GraphQLOverHTTP(operations, streams, Runtime(services), None)
    return Starlette(middleware=[Middleware(Shortcut, path="/graphql", http=http)])  # as `create_app` has it


async def main() -> None:
    with without_collection():
        pass  # as `weft serve` has it, what was imported is not looked through again
    with TemporaryDirectory() as directory:
        async with open_engine(Settings(data_dir=Path(directory))) as engine:
            server = server_of(app(engine.services))
            await server.startup()

            async def serve() -> int:
                """The port."""
                port: int = server.servers[0].sockets[0].getsockname()[1]
                return port

            await answer({"serve": serve})
            await server.shutdown()


if __name__ == "__main__":
    run(main())
