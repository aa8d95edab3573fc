import ssl
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from engine.executors.addresses import AddressGuard
from engine.executors.pinned_transport import PinnedTransport
from tests.executors.stub_server import StubServer, respond, serving

CERTIFICATE = Path(__file__).with_name("pinned_test.pem")


async def to_loopback(_: str, __: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.fixture
async def transport() -> AsyncIterator[PinnedTransport]:
    guard = AddressGuard(to_loopback, allowed_networks=(ip_network("127.0.0.1/32"),))
    transport = PinnedTransport(guard, verify=ssl.create_default_context(cafile=str(CERTIFICATE)))
    yield transport
    await transport.aclose()


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with serving(respond(body=b"over tls"), tls=context) as server:
        yield server


async def test_tls_is_verified_for_the_name_though_the_connection_goes_to_an_address(
    transport: PinnedTransport, server: StubServer
) -> None:
    response = await transport.handle_async_request(httpx.Request("GET", f"https://pinned.test:{server.port}/"))
    assert await response.aread() == b"over tls"


async def test_a_certificate_for_another_name_is_refused(transport: PinnedTransport, server: StubServer) -> None:
    with pytest.raises(httpx.ConnectError, match=r"other\.test"):
        await transport.handle_async_request(httpx.Request("GET", f"https://other.test:{server.port}/"))


async def test_an_unresolvable_name_is_a_connection_error() -> None:
    async def nothing(_: str, __: int) -> Sequence[str]:
        return []

    transport = PinnedTransport(AddressGuard(nothing))
    with pytest.raises(httpx.ConnectError, match=r"nowhere\.test has no address"):
        await transport.handle_async_request(httpx.Request("GET", "http://nowhere.test/"))
    await transport.aclose()
