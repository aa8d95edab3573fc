"""HTTP requests as tools of an agent."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

from engine.executors.http import Http
from engine.executors.http_with import HttpWith
from engine.executors.port import Done, StepContext
from engine.executors.schema_check import in_words, problems
from engine.executors.task_failure import task_failure
from engine.executors.tools import PLACEHOLDER, HttpTool, Tool

_ARGUMENTS_IN_QUERY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


def http_tool(http: Http, spec: HttpTool, step: StepContext) -> Tool:
    async def call(call_id: str, arguments: Mapping[str, Any]) -> Any:
        found = problems(spec.parameters, dict(arguments))
        if found:
            raise task_failure(
                "bad_arguments", "; ".join(map(in_words, found)), retryable=False, details={"problems": found}
            )
        # Secrets come first and arguments second: what a model says must never be taken for an expression.
        plain = spec.http.model_dump(by_alias=True, exclude_unset=True)
        revealed = HttpWith.model_validate(await step.reveal(plain))
        request = _HttpToolCall(step, call_id, _filled(spec.http, arguments), _filled(revealed, arguments))
        result = await http.run(cast("StepContext", request))
        return cast("Done", result).output["body"]

    return Tool(name=spec.name, label=spec.name, description=spec.description, parameters=spec.parameters, call=call)


class _HttpToolCall:
    """The step as the `http` executor sees it when it runs as a tool: all it asks for is here."""

    def __init__(self, step: StepContext, call_id: str, written: HttpWith, revealed: HttpWith) -> None:
        self.with_ = written
        self.step_id = step.step_id
        self.idempotency_key = f"{step.idempotency_key}/{call_id}"
        self._revealed = revealed

    async def reveal(self, _value: Any) -> Any:
        return self._revealed.model_dump(by_alias=True, exclude_unset=True)


def _filled(given: HttpWith, arguments: Mapping[str, Any]) -> HttpWith:
    """The request with the arguments in their places."""
    named = set(PLACEHOLDER.findall(given.url))
    url = PLACEHOLDER.sub(lambda match: quote(_text(arguments.get(match[1], "")), safe=""), given.url)
    rest = {name: value for name, value in arguments.items() if name not in named}
    if given.method in _ARGUMENTS_IN_QUERY:
        return given.model_copy(update={"url": url, "query": {**given.query, **_flat(rest)}})
    body = {**given.json_, **rest} if isinstance(given.json_, dict) else rest
    return given.model_copy(update={"url": url, "json_": body})


def _flat(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a query are scalars and lists of them; anything else is refused by `HttpWith` as a bad request."""
    return {
        name: [_text(entry) for entry in value] if isinstance(value, list) else value
        for name, value in arguments.items()
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
