"""The token that the command line shows, and whom it shows it to."""

import re
from collections.abc import Mapping

from weft.cli.address import ServerAddress

TOKEN, OVER_HTTP = "WEFT_TOKEN", "WEFT_TOKEN_OVER_HTTP"
_SENDABLE = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class TokenRefused(Exception):
    """The token is not sent. The message never holds it."""


def authorization(environment: Mapping[str, str], address: ServerAddress) -> str | None:
    """The value of the header `Authorization`; None where there is no token.

    Raises `TokenRefused` for what can be no token, and where everybody on the way could read it.
    """
    token = environment.get(TOKEN, "").strip()
    if not token:
        return None
    if not _SENDABLE.fullmatch(token):
        raise TokenRefused(f"{TOKEN} is no token: it has characters that no token has")
    if "@" in address.url:
        raise TokenRefused(
            f"the URL has a user name in it, which would be sent in place of {TOKEN}: use one of the two"
        )
    encrypted = address.url.startswith("https://")
    if not (encrypted or address.loopback or environment.get(OVER_HTTP) == "yes"):
        raise TokenRefused(
            f"{address.url} would get {TOKEN} in the clear: use https, unset {TOKEN}, or, where the network is trusted, "
            f"set {OVER_HTTP}=yes"
        )
    return f"Bearer {token}"
