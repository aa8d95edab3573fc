"""One process out of the engine and its API: the address, the server, and an orderly end."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace

import uvicorn
import uvloop
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from engine.bootstrap import Engine, open_engine
from engine.executors.late import warm_up
from engine.settings import NO_TOKENS_FILE, BadSettings, Settings
from engine.usecases.services import Services
from graphql_api.admission.rules import Rules
from graphql_api.admission.trusted import BadDocument
from graphql_api.app import create_app
from graphql_api.context import LOCAL_OWNER, Credentials, Identity, Runtime
from graphql_api.metrics import Gauge
from graphql_api.transports.reading import MAX_BODY
from triggers.webhooks.endpoint import Webhooks
from weft.api_rules import api_rules
from weft.bounded_http import bounded_http
from weft.collection import without_collection
from weft.connection_bound import ConnectionBound, raise_descriptor_limit
from weft.ending_streams import EndingStreams
from weft.listening import listen, url_of
from weft.pushing import push_endpoint
from weft.quick_socket import QuickWebSocket
from weft.token_file import TokenFile
from weft.token_runtime import token_runtime
from weft.trigger_work import refusals, triggers_at_work
from weft.trusted_documents import BadDocuments

CLOSING_SECONDS = 3
"""How long a stopping server waits for requests that are being answered. Streams are ended at once."""
KEEP_ALIVE_SECONDS = 620
"""How long an idle connection stays open: longer than load balancers keep theirs (Google Cloud's 600 s), so that none sends into a
closing one.
"""
_HEAD_START_SECONDS = 0.3
"""Of the first requests, before what they do not need is loaded beside them."""

_log = logging.getLogger(__name__)


class EngineDied(Exception):
    """The process should be started again. Nothing is lost: it is what a crash is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRuntime:
    """A server whose every visitor is its owner, which is why it listens on loopback alone."""

    services: Services
    local: bool = True

    async def identify(self, credentials: Credentials) -> Identity:
        del credentials
        return Identity(caller=LOCAL_OWNER)


def serve(settings: Settings, on_listening: Callable[[str], None], listener: socket.socket | None = None) -> None:
    """Until a signal. `on_listening` gets the URL, such as `http://127.0.0.1:8000`, when requests are answered. A `listener` is
    a supervisor's, which several processes share.

    Raises `AddressInUse`, `AddressRefused`, `BadTokenFile`, `BadDocuments`, and what `open_engine` raises.
    """
    raise_descriptor_limit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, on_listening, listener))


async def _serve(settings: Settings, on_listening: Callable[[str], None], handed: socket.socket | None) -> None:
    tokens, rules = _tokens(settings), api_rules(settings)
    with closing(handed or listen(settings)) as listener, _stop_signals(second_kills=handed is None) as stopping:
        known = replace(settings, port=listener.getsockname()[1])  # webhooks show it
        async with open_engine(known) as engine, _runtime(engine.services, tokens) as runtime:
            graphql = settings.role != "worker"
            hooks, push = Webhooks(engine.services), push_endpoint(engine.services, settings)
            routes = [hooks.route(), *([push.route()] if push else ())] if graphql else []
            bound = ConnectionBound()
            gauges = [*_gauges(engine), *refusals(hooks, push), *_connections(bound)]
            app = EndingStreams(_app(runtime, gauges, rules, routes, graphql=graphql), stopping)
            listening = asyncio.Event()

            def announce() -> None:
                on_listening(url_of(listener))
                listening.set()

            async with triggers_at_work(engine), beside_the_server(engine, listening, stopping):
                await _answer(app, listener, stopping, announce, bound)


def _app(runtime: Runtime, gauges: list[Gauge], rules: Rules, routes: Sequence[BaseRoute], *, graphql: bool) -> ASGIApp:
    try:
        return create_app(runtime, graphql=graphql, gauges=gauges, rules=rules, routes=routes)
    except BadDocument as error:
        raise BadDocuments([f"WEFT_DOCUMENTS: {problem}" for problem in error.problems]) from error


@asynccontextmanager
async def beside_the_server(engine: Engine, listening: asyncio.Event, stopping: asyncio.Event) -> AsyncIterator[None]:
    """What is done while requests are answered. However that ends, by a signal or not, the worker is given its time to stop."""
    warming = asyncio.create_task(_warm_up(listening))
    leaving = asyncio.create_task(_leave(engine, stopping))
    breaking = asyncio.create_task(_stop_if_broken(engine, stopping))
    try:
        yield
    finally:
        stopping.set()
        warming.cancel()
        breaking.cancel()
        await asyncio.wait((warming, breaking, leaving))
        leaving.result()
    if engine.died.is_set():
        raise EngineDied("a part of the engine ended that should have gone on, see the log: start the process again")


async def _stop_if_broken(engine: Engine, stopping: asyncio.Event) -> None:
    """A process without its sweep, say, would look alive and leave its work undone; one that is started again goes on with it."""
    await engine.died.wait()
    stopping.set()


async def _leave(engine: Engine, stopping: asyncio.Event) -> None:
    """Takes no more work from the moment of the signal on, while the last requests are answered."""
    await stopping.wait()
    if engine.worker is not None:
        _log.info("stopping: steps that are under way get %g s", engine.settings.grace.total_seconds())
        await engine.worker.stop(engine.settings.grace)


def _gauges(engine: Engine) -> list[Gauge]:
    worker, hub = engine.worker, engine.hub
    watching = Gauge("weft_subscribers", "Those who watch executions through this process.", lambda: hub.subscribers)
    if worker is None:
        return [watching]
    return [
        watching,
        Gauge("weft_executions_driving", "Executions that this process drives.", lambda: worker.driving),
        Gauge("weft_executions_waiting", "Executions that wait for room in this process.", lambda: worker.waiting),
    ]


def _connections(bound: ConnectionBound) -> list[Gauge]:
    return [
        Gauge("weft_connections", "Connections that are open.", lambda: len(bound.connections)),
        Gauge("weft_connections_refused", "Connections that were closed as they came.", lambda: bound.refused),
    ]


def _tokens(settings: Settings) -> TokenFile | None:
    """None where everybody is the owner. Read before anything is opened: a server that nobody could call begins no work."""
    if settings.auth == "local":
        return None
    if settings.tokens_file is None:
        raise BadSettings([NO_TOKENS_FILE])
    return TokenFile(settings.tokens_file)


@asynccontextmanager
async def _runtime(services: Services, tokens: TokenFile | None) -> AsyncIterator[Runtime]:
    if tokens is None:
        yield LocalRuntime(services=services)
        return
    async with token_runtime(services, tokens) as runtime:
        yield runtime


async def _warm_up(listening: asyncio.Event) -> None:
    """So that the first step waits for no imports, although the start of the server did not either."""
    await listening.wait()
    await asyncio.sleep(_HEAD_START_SECONDS)
    with without_collection():
        await warm_up()


async def _answer(
    app: ASGIApp,
    listener: socket.socket,
    stopping: asyncio.Event,
    on_listening: Callable[[], None],
    bound: ConnectionBound,
) -> None:
    """Answers requests until `stopping`; then those that are under way, and closes all connections."""
    server = _Server(server_config(app, bound), on_listening)
    bound.connections = server.server_state.connections
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((serving, stop), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
    server.should_exit = True
    await serving


def server_config(app: ASGIApp, bound: ConnectionBound | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=bounded_http(bound or ConnectionBound()),
        ws=QuickWebSocket,
        ws_max_size=MAX_BODY,
        # Pings are the protocol's own, which a client sees too, and a slow reader is not taken for dead.
        ws_ping_interval=None,
        # It would be done again for each of those who get the same frame, and take 40 KB of memory for each.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )


class _Server(uvicorn.Server):
    """Says when it answers, and leaves signals alone: uvicorn would end the process by the same signal before the engine
    is closed.
    """

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # any context manager will do
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()


@contextmanager
def _stop_signals(*, second_kills: bool) -> Iterator[asyncio.Event]:
    """The event is set by the first SIGINT or SIGTERM. A second one ends the process at once, which loses nothing: it is
    what a crash does. Not so under a supervisor, which passes its own signal on although whoever stops a service may have sent it
    to every process already: systemd does. It kills by SIGKILL.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def release() -> None:
        for each in signals:
            loop.remove_signal_handler(each)

    def stop() -> None:
        if second_kills:
            release()
        stopping.set()

    for each in signals:
        loop.add_signal_handler(each, stop)
    try:
        yield stopping
    finally:
        release()
