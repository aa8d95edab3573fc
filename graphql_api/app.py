"""The ASGI application: one port for GraphQL, health and metrics."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from engine.usecases.caller import Role
from engine.usecases.health import HealthStatus, health
from graphql_api.admission.admission import Admission
from graphql_api.admission.persisted import PersistedDocuments
from graphql_api.admission.places import Places
from graphql_api.admission.rates import Rates
from graphql_api.admission.rules import Rules
from graphql_api.admission.trusted import check_documents
from graphql_api.context import Runtime
from graphql_api.fanout.sharing import Sharing
from graphql_api.fanout.streams import Streams
from graphql_api.metrics import Gauge, Metrics
from graphql_api.schema import build_schema
from graphql_api.subscriptions import SHARED
from graphql_api.transports.documents import Documents
from graphql_api.transports.http import GraphQLOverHTTP
from graphql_api.transports.local_guard import LocalGuard
from graphql_api.transports.operations import Operations
from graphql_api.transports.origins import OriginGuard
from graphql_api.transports.shortcut import Shortcut
from graphql_api.transports.websocket import GraphQLOverWebSocket

PATH = "/graphql"
GRAPHIQL = Path(__file__).parent / "transports" / "graphiql.html"


def create_app(
    runtime: Runtime,
    *,
    graphql: bool = True,
    gauges: Sequence[Gauge] = (),
    rules: Rules | None = None,
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """Neither opens nor closes what `runtime` holds: that is for whoever built it. Without `graphql`, in a process that works and
    is asked nothing, there are health and metrics alone; `gauges` are added to these, and `routes` to all. Raises `BadDocument`.
    """
    rules = rules or Rules()
    metrics = Metrics(runtime.services, gauges)

    async def ready(request: Request) -> Response:
        del request
        return await _readiness(runtime)

    async def exposition(request: Request) -> Response:
        del request
        return PlainTextResponse(metrics.exposition(), media_type="text/plain; version=0.0.4")

    served = _graphql(runtime, metrics, rules) if graphql else None
    return Starlette(
        routes=[
            *(_routes(served) if served else ()),
            Route("/healthz", _alive),
            Route("/readyz", ready),
            Route("/metrics", exposition),
            *routes,
        ],
        middleware=[
            *([Middleware(LocalGuard)] if runtime.local else ()),
            *([Middleware(OriginGuard, allowed=rules.origins)] if rules.origins else ()),
            *([Middleware(Shortcut, path=PATH, http=served.http)] if served else ()),
        ],
        exception_handlers={404: _not_found, 500: _failed},
    )


class _Served(NamedTuple):
    http: GraphQLOverHTTP
    websocket: GraphQLOverWebSocket


def _routes(served: _Served) -> list[BaseRoute]:
    return [Route(PATH, served.http), WebSocketRoute(PATH, served.websocket)]


def _graphql(runtime: Runtime, metrics: Metrics, rules: Rules) -> _Served:
    documents = known_documents(rules)
    persisted = PersistedDocuments(rules.trusted, rules.only_trusted)
    admission = Admission(documents, rules.limits, persisted, reports_cost=True)
    operations = Operations(admission, metrics, Rates(rules.rates), Places(rules.limits))
    streams = Streams(operations, Sharing(SHARED), metrics)
    page = GRAPHIQL.read_text(encoding="utf-8") if runtime.local else None
    return _Served(GraphQLOverHTTP(operations, streams, runtime, page), GraphQLOverWebSocket(streams, runtime))


def known_documents(rules: Rules) -> Documents:
    """Those that are trusted have been looked at. Raises `BadDocument`."""
    schema = build_schema()._schema  # noqa: SLF001 # there is no public way to the schema of graphql-core
    documents = Documents(schema, trusted=rules.trusted.values())
    check_documents(documents, rules.trusted, rules.limits[Role.ADMIN])
    return documents


async def _alive(request: Request) -> Response:
    del request
    return JSONResponse({"status": HealthStatus.SERVING.value})


async def _readiness(runtime: Runtime) -> Response:
    report = await health(runtime.services)
    serving = report.status is not HealthStatus.NOT_SERVING
    # Where strangers may ask, what the store says of itself is for those alone who show a token: they ask for `health`.
    told = {check.name: {"message": check.message} if runtime.local else {} for check in report.checks}
    checks = [{"name": check.name, "status": check.status, **told[check.name]} for check in report.checks]
    return JSONResponse({"status": report.status, "checks": checks}, status_code=200 if serving else 503)


async def _not_found(request: Request, error: Exception) -> Response:
    del error
    return _problem(404, "NOT_FOUND", f"There is nothing at {request.url.path}")


async def _failed(request: Request, error: Exception) -> Response:
    """Starlette raises the error on, so that the server logs it with its stack."""
    del request, error
    return _problem(500, "INTERNAL", "Internal error")


def _problem(status: int, code: str, message: str) -> Response:
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status_code=status)
