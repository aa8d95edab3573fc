"""Where the server is that a client talks to."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

GRAPHQL_PATH = "/graphql"
_SCHEMES = {"http": "ws", "https": "wss"}
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where servers listen; clients cannot connect to it


class BadAddress(ValueError):
    """The text is no address of a server."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """`url` has no slash at its end."""

    url: str

    @property
    def graphql(self) -> str:
        return self.url + GRAPHQL_PATH

    @property
    def socket(self) -> str:
        scheme, _, rest = self.graphql.partition("://")
        return f"{_SCHEMES[scheme]}://{rest}"

    @property
    def loopback(self) -> bool:
        """No proxy leads there."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


def server_address(environment: Mapping[str, str], given: str | None = None) -> ServerAddress:
    """What was given, else `WEFT_URL`, else where `weft serve` listens with the same environment. Raises `BadAddress`."""
    if text := given or environment.get("WEFT_URL"):
        return parse_address(text)
    host = environment.get("WEFT_HOST") or "127.0.0.1"
    host = _ANY.get(host, host)
    return parse_address(f"http://{f'[{host}]' if ':' in host else host}:{environment.get('WEFT_PORT') or '8000'}")


def parse_address(text: str) -> ServerAddress:
    """Takes `http(s)://host[:port][/path]`, the GraphQL endpoint too. Raises `BadAddress`."""
    shown = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(shown)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"{text!r} is no address of a server: {error}") from error
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.query or parts.fragment or port == 0:
        raise BadAddress(f"{text!r} is no address of a server; write it as http://127.0.0.1:8000")
    path = parts.path.rstrip("/").removesuffix(GRAPHQL_PATH)
    return ServerAddress(f"{parts.scheme}://{parts.netloc}{path}")
