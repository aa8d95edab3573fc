"""Tools of an agent: how a definition names them, and what they are to the loop."""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Discriminator, Field, Tag, model_validator

from engine.domain.definition import Model
from engine.executors.http_with import HttpWith
from engine.executors.port import StepFailure
from engine.executors.task_failure import task_failure

ToolName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
ANSWER = "final_answer"
"""The tool by which the model of an agent gives an answer that has to fit a schema."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")
"""In the URL of an HTTP tool; `${ }` is gone when a step runs."""

_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64


class ToolDefinition(Model):
    """What a model is told of a tool. `parameters` is the JSON Schema of its arguments."""

    name: ToolName
    description: str = ""
    parameters: dict[str, Any] = Field(default={"type": "object", "properties": {}})

    def function(self) -> dict[str, Any]:
        """As OpenAI has it, which every LangChain integration understands."""
        said = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": said}


class FunctionTool(Model):
    """A registered function under another name or with another description."""

    function: str
    name: ToolName | None = None
    description: str | None = None


class HttpTool(ToolDefinition):
    """An HTTP request. `{name}` in the URL is replaced by that argument; the other arguments are the query of a GET,
    HEAD, DELETE or OPTIONS, and the JSON body of any other method. The result is the response's body.
    """

    http: HttpWith

    @model_validator(mode="after")
    def _knows_its_arguments(self) -> "HttpTool":
        unknown = set(PLACEHOLDER.findall(re.sub(r"\$\{.*?\}", "", self.http.url))) - set(
            self.parameters.get("properties", {})
        )
        if unknown:
            raise ValueError(f"the URL names {', '.join(sorted(unknown))}, which `parameters` does not define")
        return self


class McpServer(Model):
    """`transport: stdio` starts `command` on the worker, and is refused unless the operator allows it."""

    transport: Literal["streamable_http", "sse", "stdio"] = "streamable_http"
    url: str | None = None
    headers: dict[str, str] = Field(default={})
    command: str | None = None
    args: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = Field(default=None, description="Only these of the server's tools; all without it.")

    @model_validator(mode="after")
    def _can_be_reached(self) -> "McpServer":
        if self.transport == "stdio" and (self.command is None or self.url is not None):
            raise ValueError("a server with transport stdio needs `command`, and has no `url`")
        if self.transport != "stdio" and (self.url is None or self.command is not None):
            raise ValueError(f"a server with transport {self.transport} needs `url`, and has no `command`")
        return self


class McpTools(Model):
    """All tools of an MCP server."""

    mcp: McpServer


def _form(tool: Any) -> str | None:
    if isinstance(tool, str):
        return "name"
    keys: Collection[str] = ()
    if isinstance(tool, Mapping):
        keys = tool.keys()
    elif isinstance(tool, Model):
        keys = type(tool).model_fields.keys()
    return next((form for form in ("function", "http", "mcp") if form in keys), None)


ToolSpec = Annotated[
    Annotated[str, Tag("name")]
    | Annotated[FunctionTool, Tag("function")]
    | Annotated[HttpTool, Tag("http")]
    | Annotated[McpTools, Tag("mcp")],
    Discriminator(
        _form,
        custom_error_type="tool_form",
        custom_error_message="a tool is a registered function's name, or an object with `function`, `http` or `mcp`",
    ),
]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool ready to be called. `name` is what the model calls it, `label` what people know it by."""

    name: str
    label: str
    description: str
    parameters: dict[str, Any]
    call: Callable[[str, Mapping[str, Any]], Awaitable[Any]]
    """Takes the call's id and the arguments, and gives JSON. Raises whatever the tool raises."""

    def definition(self) -> dict[str, Any]:
        said = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": said}


def tool_name(name: str) -> str:
    """A name as models take it: `digest.count_words` is `digest_count_words`."""
    return _NOT_IN_A_NAME.sub("_", name)[:_LONGEST_NAME]


def by_name(tools: Iterable[Tool]) -> dict[str, Tool]:
    """Raises `StepFailure` (`duplicate_tool`): the model could not tell two tools of one name apart."""
    named: dict[str, Tool] = {}
    for tool in tools:
        other = named.setdefault(tool.name, tool)
        if other is not tool:
            raise _duplicate(
                f"the tools {other.label!r} and {tool.label!r} have the same name {tool.name!r} for the model"
            )
        if tool.name == ANSWER:
            raise _duplicate(f"the tool {tool.label!r} needs another name: the model gives its answer by {ANSWER!r}")
    return named


def _duplicate(message: str) -> StepFailure:
    return task_failure("duplicate_tool", message, retryable=False)
