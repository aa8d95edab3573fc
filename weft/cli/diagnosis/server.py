"""Where a server runs already, or where one would listen."""

from collections.abc import Mapping
from contextlib import closing

import httpx

from engine.settings import Settings
from weft.cli.address import server_address
from weft.cli.api import connect
from weft.cli.api_errors import ApiError, Unauthenticated
from weft.cli.credentials import TokenRefused, authorization
from weft.cli.diagnosis.finding import Finding, bad, good, warning
from weft.cli.documents import HEALTH
from weft.listening import AddressInUse, AddressRefused, listen


async def running_server(environment: Mapping[str, str]) -> Finding | None:
    """What answers where clients look for a server; None if nothing of ours does."""
    try:
        found = server_address(environment)
        async with connect(found, authorization(environment, found)) as api:
            health = (await api.query(HEALTH))["health"]
    except (Unauthenticated, TokenRefused) as error:
        return warning("server", str(error), "set WEFT_TOKEN to a token of it")
    except (ApiError, ValueError, httpx.HTTPError):
        return None
    message = f"weft {health['version']} answers at {api.address.url}: {health['status']}"
    if health["status"] != "SERVING":
        return bad("server", message, "its log and /readyz say what is wrong")
    return good("server", message)


def address(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    try:
        with closing(listen(settings)):
            return good("address", f"{where} is free")
    except AddressInUse:
        return bad("address", f"{where} is in use by something else", "choose another with --port or WEFT_PORT")
    except AddressRefused as error:
        return bad("address", str(error), "set WEFT_HOST to 127.0.0.1")
