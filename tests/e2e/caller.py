"""A client of several replicas, which tries again where it got no answer."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

AGAIN_SECONDS = 0.05
PATIENCE_SECONDS = 90.0
_UNANSWERED = ("UNAVAILABLE", "RATE_LIMITED")

CREATE = """mutation ($definition: JSON!) {
        createWorkflow(input: {definition: $definition}) { workflow { name } errors { code message path } }
    }"""
START = """mutation ($workflow: String!, $input: JSON, $key: String, $lane: String) {
        startExecution(input: {workflow: $workflow, input: $input, idempotencyKey: $key, lane: $lane}) {
            execution { id status lastSeq } errors { code message path }
        }
    }"""
EVENTS = """query ($id: ID!, $after: Int!) {
        execution(id: $id) { id status lastSeq output failure { code message kind }
            events(after: $after, first: 100) { nodes { __typename seq at
                ... on ExecutionStarted { worker }
                ... on StepStarted { stepId attempt kind }
                ... on StepSucceeded { stepId attempt output }
                ... on StepFailed { stepId attempt failure { code kind message } }
                ... on StepRetryScheduled { stepId attempt failure { code kind } }
                ... on StepCompensated { stepId }
                ... on StepWaiting { stepId }
                ... on ExecutionStatusChanged { from to }
                ... on SignalReceived { name }
            } }
        }
    }"""
WHERE = "query ($id: ID!) { execution(id: $id) { id status lastSeq revision output } }"
SIGNAL = """mutation ($id: ID!, $name: String!, $payload: JSON, $key: String) {
        signalExecution(input: {id: $id, name: $name, payload: $payload, idempotencyKey: $key}) {
            execution { id lastSeq } errors { code message }
        }
    }"""


class NoAnswer(Exception):
    """What became of the request is not known."""


class Refused(Exception):
    """An answer that says no; `errors` as they came."""

    def __init__(self, errors: Any) -> None:
        super().__init__(str(errors))
        self.errors = errors


class Caller:
    """`urls` gives the replicas that may be asked now."""

    def __init__(self, urls: Callable[[], Sequence[str]]) -> None:
        self._urls = urls
        self._turns = itertools.count()
        self._client = httpx.AsyncClient(
            timeout=20.0, trust_env=False, limits=httpx.Limits(max_connections=200, max_keepalive_connections=50)
        )
        self.unanswered = 0
        """Requests that were tried again."""

    def url(self) -> str:
        """Each in turn."""
        urls = self._urls()
        return urls[next(self._turns) % len(urls)]

    async def ask(self, document: str, *, url: str | None = None, **variables: Any) -> Any:
        """The value of the one field that is asked for. Raises `NoAnswer`, `Refused`."""
        body = {"query": document, "variables": variables}
        try:
            response = await self._client.post(f"{url or self.url()}/graphql", json=body)
        except httpx.TransportError as error:
            raise NoAnswer(repr(error)) from error
        if response.status_code >= 500:
            raise NoAnswer(f"{response.status_code} {response.text[:200]}")
        answer = response.json()
        if answer.get("errors"):
            codes = [error.get("extensions", {}).get("code") for error in answer["errors"]]
            if any(code in _UNANSWERED for code in codes):
                raise NoAnswer(str(answer["errors"]))
            raise Refused(answer["errors"])
        (value,) = answer["data"].values()
        if isinstance(value, dict) and value.get("errors"):
            raise Refused(value["errors"])
        return value

    async def insist(self, document: str, **variables: Any) -> Any:
        """Again and again, at one replica after the other, until there is an answer. Raises `Refused`."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    return await self.ask(document, **variables)
                except NoAnswer:
                    self.unanswered += 1
                    await asyncio.sleep(AGAIN_SECONDS)

    async def start(self, workflow: str, *, key: str, **more: Any) -> str:
        """The execution's id, once it is accepted."""
        answer = await self.insist(START, workflow=workflow, key=key, **more)
        return str(answer["execution"]["id"])

    async def log(self, execution_id: str) -> dict[str, Any]:
        """The execution with all its events in `events`."""
        events: list[dict[str, Any]] = []
        while True:
            found = await self.insist(EVENTS, id=execution_id, after=len(events))
            assert found is not None, f"{execution_id} was accepted and is not there"
            events += found["events"]["nodes"]
            if len(events) >= found["lastSeq"] or not found["events"]["nodes"]:
                return {**found, "events": events}

    async def until(self, execution_id: str, *statuses: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The execution when it has one of these."""
        async with asyncio.timeout(seconds):
            while True:
                found: dict[str, Any] = await self.insist(WHERE, id=execution_id)
                if found["status"] in statuses:
                    return found
                await asyncio.sleep(AGAIN_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()
