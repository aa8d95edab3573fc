"""A client of the GraphQL API: queries and mutations over HTTP, subscriptions over one WebSocket each."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from weft.cli.address import ServerAddress
from weft.cli.api_errors import ConnectionLost, NoServer, Refusal, RequestRefused, Unauthenticated
from weft.cli.subscription import subscribe

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)


class Api:
    """One server. Made by `connect`; documents are GraphQL texts with one operation."""

    def __init__(self, address: ServerAddress, http: httpx.AsyncClient, authorization: str | None) -> None:
        self.address = address
        self._http = http
        self._authorization = authorization

    async def query(self, document: str, **variables: Any) -> dict[str, Any]:
        """The response's `data`. Raises `NoServer`, `Unauthenticated`, `ConnectionLost`, `RequestRefused`."""
        try:
            response = await self._http.post(self.address.graphql, json={"query": document, "variables": variables})
        except httpx.ConnectError as error:
            raise NoServer(f"no weft server at {self.address.url}") from error
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise ConnectionLost(f"the connection to {self.address.url} was lost: {said}") from error
        return self._data(response)

    async def mutate(self, document: str, **given: Any) -> dict[str, Any]:
        """Runs a mutation of one root field, whose argument is `$input`; gives that field's payload.

        Raises as `query` does, and `RequestRefused` for what the payload's `errors` say.
        """
        (payload,) = (await self.query(document, input=given)).values()
        if payload["errors"]:
            raise RequestRefused([Refusal.from_payload(error) for error in payload["errors"]])
        assert isinstance(payload, dict)
        return payload

    def subscribe(self, document: str, **variables: Any) -> AsyncGenerator[dict[str, Any], None]:
        """The `data` of every event until the server completes the stream. Raises as `query` does."""
        return subscribe(self.address, document, variables, self._authorization)

    def _data(self, response: httpx.Response) -> dict[str, Any]:
        if response.status_code == httpx.codes.UNAUTHORIZED:  # of the server, or of a proxy in front of it
            raise Unauthenticated(self.address.url, shown=self._authorization is not None)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not ({"data", "errors"} & answer.keys()):
            raise NoServer(f"what answers at {self.address.graphql} is no weft server (HTTP {response.status_code})")
        if errors := answer.get("errors"):
            raise RequestRefused([Refusal.from_response(error) for error in errors])
        data = answer["data"]
        assert isinstance(data, dict)
        return data


@asynccontextmanager
async def connect(address: ServerAddress, authorization: str | None = None) -> AsyncIterator[Api]:
    """Opens no connection before the first request. `authorization` is the value of that header in all of them."""
    headers = {} if authorization is None else {"authorization": authorization}
    async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=not address.loopback, headers=headers) as http:
        yield Api(address, http, authorization)
