"""Which network addresses the requests of workflows may reach.

Whoever writes a workflow chooses its URLs, so without this guard a worker would fetch cloud metadata with its
credentials, and whatever listens inside its network (server-side request forgery).
"""

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host name and port to textual addresses, best first. Raises OSError."""

_NAT64 = IPv6Network("64:ff9b::/96")
_PUBLIC_V6 = IPv6Network("2000::/3")

# Written out from IANA's special-purpose registries: what `ipaddress.is_global` says differs between versions of
# Python.
_PRIVATE = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "::1/128", "fc00::/7")
)
_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this host
        "169.254.0.0/16",  # link-local, where clouds keep their metadata
        "168.63.129.16/32",  # the wire server of Azure, a public address that only reaches inside
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation, as the next ones
        "198.51.100.0/24",
        "203.0.113.0/24",
        "192.88.99.0/24",  # former 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "3fff::/20",
    )
)


class AddressNotAllowed(Exception):
    """Carries no more than the host name that was asked for: the address would tell about the network behind the
    worker.
    """

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} leads to an address that workflows may not reach")
        self.host = host


class AddressGuard:
    """Allows public addresses, and those in `allowed_networks`. `allow_private` adds loopback and private networks, for
    work on a laptop; link-local addresses, and so the metadata of clouds, stay refused unless `allowed_networks` names
    them.
    """

    def __init__(
        self, resolve: Resolver, *, allowed_networks: Sequence[Network] = (), allow_private: bool = False
    ) -> None:
        self._resolve = resolve
        self._allowed = tuple(allowed_networks)
        self._allow_private = allow_private

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses to connect to, at least one. One forbidden address refuses the host: a name that mixes public
        and private addresses is an attack or a mistake. Raises `AddressNotAllowed`, and OSError where the host has no
        address.
        """
        found = list(dict.fromkeys(await self._resolve(host, port)))
        if not found:
            raise OSError(f"{host} has no address")
        if not all(self.allows(ip_address(text.partition("%")[0])) for text in found):
            raise AddressNotAllowed(host)
        return found

    def allows(self, address: Address) -> bool:
        inner = embedded_ipv4(address)
        if inner is not None:
            return self.allows(inner)
        if _within(address, self._allowed):
            return True
        if _within(address, _NEVER):
            return False
        if _within(address, _PRIVATE):
            return self._allow_private
        return isinstance(address, IPv4Address) or address in _PUBLIC_V6


def embedded_ipv4(address: Address) -> IPv4Address | None:
    """The IPv4 address that a mapped, 6to4 or NAT64 address really reaches."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)
