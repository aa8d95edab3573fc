"""The address that a server listens on."""

import errno
import ipaddress
import socket

from engine.settings import Settings

UNTAKEN_SECONDS = 120
"""How long a peer may leave what was sent to it untaken."""
UNSENT_BYTES = 128 * 1024
"""What the kernel holds of a connection beyond what is on its way."""
_BACKLOG = 2048


class AddressInUse(Exception):
    """Somebody else listens there."""


class AddressRefused(Exception):
    """The address does not exist here, or must not be listened on."""


def listen(settings: Settings) -> socket.socket:
    """Raises `AddressInUse`, `AddressRefused`. Connections that come before anybody answers wait in the backlog."""
    family, address = _resolve(settings)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without it a server could not come back while connections of the former one time out.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound_what_peers_hold(listener)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        where = f"port {settings.port} of {settings.host}"
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(f"{where} is in use: choose another with --port or WEFT_PORT") from error
        raise AddressRefused(f"cannot listen on {where}: {error.strerror}") from error
    listener.setblocking(False)  # noqa: FBT003 - it takes no keyword
    return listener


def bound_what_peers_hold(listener: socket.socket) -> None:
    """Connections inherit it: one whose peer vanished, or takes nothing, ends although nobody waits for it any more, and the kernel
    holds little for who reads slowly, so that he falls back to reading the log. Elsewhere than on Linux the system's own bounds hold.
    """
    for name, value in (("TCP_USER_TIMEOUT", UNTAKEN_SECONDS * 1000), ("TCP_NOTSENT_LOWAT", UNSENT_BYTES)):
        option = getattr(socket, name, None)
        if option is not None:
            listener.setsockopt(socket.IPPROTO_TCP, option, value)


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _resolve(settings: Settings) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise AddressRefused(
            f"the host {settings.host!r} is not an address of this machine: {error.strerror}"
        ) from error
    foreign = [each for each in found if not ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_loopback]
    if foreign and settings.auth == "local":
        raise AddressRefused(
            f"{settings.host} is reachable from other machines, and with WEFT_AUTH=local everybody who can connect is "
            f"the owner: listen on 127.0.0.1, or ask who is calling with WEFT_AUTH=token"
        )
    # `localhost` means both; one socket has one address, and clients try IPv4 as well.
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, (str(address[0]), int(address[1]))
