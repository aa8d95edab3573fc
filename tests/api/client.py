"""Speaks GraphQL to an application, and knows what tests of executions do again and again."""

import json
from typing import Any

import httpx
from starlette.applications import Starlette

from engine.bootstrap import Engine
from engine.usecases.services import Services
from engine.usecases.watch_execution import watch_execution
from graphql_api.context import LOCAL_OWNER, Credentials, Identity
from tests.api.counting_store import CountingStore


class EngineRuntime:
    """A runtime over a real engine. `caller` may be changed between requests."""

    local = True

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.caller = LOCAL_OWNER

    @property
    def services(self) -> Services:
        return self._engine.services

    async def identify(self, credentials: Credentials) -> Identity:
        del credentials
        return Identity(caller=self.caller)


class Api:
    def __init__(self, app: Starlette, runtime: EngineRuntime, store: CountingStore) -> None:
        self.app = app
        self.runtime = runtime
        self.store = store
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000")

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> httpx.Response:
        return await self._http.get(path)

    async def send(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole response."""
        return await self.send_text(json.dumps({"query": query, "variables": variables}))

    async def send_text(self, body: str) -> dict[str, Any]:
        """For JSON that Python's encoder does not write."""
        response = await self._http.post("/graphql", content=body, headers={"content-type": "application/json"})
        assert response.status_code == 200, response.text
        answer = response.json()
        assert isinstance(answer, dict)
        return answer

    async def post(self, body: object) -> httpx.Response:
        """For what is refused before it is a request."""
        return await self._http.post("/graphql", json=body)

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """`data` of a response without errors."""
        answer = await self.send(query, **variables)
        assert "errors" not in answer, answer
        data = answer["data"]
        assert isinstance(data, dict)
        return data

    async def error(self, query: str, **variables: Any) -> dict[str, Any]:
        """The one top-level error."""
        (error,) = (await self.send(query, **variables))["errors"]
        assert isinstance(error, dict)
        return error

    async def mutate(self, name: str, given: dict[str, Any], changed: str = "") -> dict[str, Any]:
        """The payload of a mutation; `changed` are the fields to read besides `errors`."""
        type_ = name[0].upper() + name[1:] + "Input"
        query = f"""
            mutation($input: {_INPUTS.get(name, type_)}!) {{
              {name}(input: $input) {{
                {changed}
                errors {{
                  __typename code message path
                  ... on ValidationError {{ hint }}
                  ... on ConflictError {{ currentRevision existingId }}
                  ... on LimitError {{ retryAfter }}
                }}
              }}
            }}
        """
        payload = (await self.data(query, input=given))[name]
        assert isinstance(payload, dict)
        return payload

    async def create(self, definition: dict[str, Any] | str, **more: Any) -> dict[str, Any]:
        payload = await self.mutate("createWorkflow", {"definition": definition, **more}, "workflow { id name }")
        assert payload["errors"] == []
        workflow = payload["workflow"]
        assert isinstance(workflow, dict)
        return workflow

    async def start(self, workflow: str, **more: Any) -> str:
        payload = await self.mutate("startExecution", {"workflow": workflow, **more}, "execution { id }")
        assert payload["errors"] == []
        return str(payload["execution"]["id"])

    async def until(self, execution_id: str, event: str) -> None:
        """Waits for the first event of that type."""
        async for entry in watch_execution(
            self.runtime.services, self.runtime.caller, execution_id, after=0, ephemeral=False
        ):
            if type(entry.event).__name__ == event:
                return
        raise AssertionError(f"{execution_id} ended without {event}")

    async def ended(self, execution_id: str) -> dict[str, Any]:
        async for _ in watch_execution(
            self.runtime.services, self.runtime.caller, execution_id, after=0, ephemeral=False
        ):
            pass
        query = "query($id: ID!) { execution(id: $id) { status output failure { code message } lastSeq } }"
        execution = (await self.data(query, id=execution_id))["execution"]
        assert isinstance(execution, dict)
        return execution


_INPUTS = {
    "archiveWorkflow": "NamedInput",
    "deleteWorkflow": "NamedInput",
    "pauseExecution": "ExecutionInput",
    "pauseTrigger": "NamedInput",
    "resumeTrigger": "NamedInput",
    "rotateWebhook": "NamedInput",
    "deleteTrigger": "NamedInput",
    "cancelExecutions": "BulkExecutionsInput",
    "pauseExecutions": "BulkExecutionsInput",
    "resumeExecutions": "BulkExecutionsInput",
    "retryExecutions": "BulkExecutionsInput",
}
