"""Tools of MCP servers as tools of an agent."""

import importlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.executors.late import BORROWED_CLIENTS, Late, importing
from engine.executors.pinned_transport import Transport
from engine.executors.port import StepFailure
from engine.executors.task_failure import task_failure
from engine.executors.tools import McpServer, Tool, tool_name

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.types import CallToolResult
    from mcp.types import Tool as McpTool

    from engine.executors.borrowed_clients import BorrowedClients

_SESSIONS = "langchain_mcp_adapters.sessions"
_MOST_PAGES = 100

_log = logging.getLogger(__name__)


class McpSessions:
    """Opens sessions with MCP servers. `transport` decides which addresses may be reached (see `PinnedTransport`), and
    is closed by its owner. Servers that are commands run with the worker's rights, so they have to be allowed.
    """

    def __init__(self, transport: Transport, *, allow_commands: bool = False) -> None:
        self._clients: Late[BorrowedClients] = Late(BORROWED_CLIENTS, lambda module: module.BorrowedClients(transport))
        self._allow_commands = allow_commands

    @asynccontextmanager
    async def tools(self, server: McpServer) -> AsyncIterator[list[Tool]]:
        """The server's tools, usable while the context is open, by any task.

        Raises `StepFailure`: `mcp_not_installed`, `mcp_command_not_allowed`, `mcp_unavailable`, `mcp_tool_not_found`.
        """
        sessions = await _adapters()
        connection = await self._connection(server)
        failed: Exception | None = None
        opened = False
        try:
            async with sessions.create_session(connection) as session:
                await session.initialize()
                tools = [_tool(session, tool) for tool in _chosen(server, await _listed(session))]
                opened = True
                try:
                    yield tools
                except Exception as error:  # noqa: BLE001 - raised again outside: the session's task group would wrap it
                    failed = error
        except Exception as error:
            if not opened:
                raise _unusable(server, error) from error
            _log.warning("the session with the MCP server %s ended with an error: %s", _place(server), _leaf(error))
        if failed is not None:
            raise failed

    async def _connection(self, server: McpServer) -> dict[str, Any]:
        if server.transport != "stdio":
            return {
                "transport": server.transport,
                "url": server.url,
                "headers": server.headers,
                "httpx_client_factory": await self._clients.get(),
            }
        if not self._allow_commands:
            message = "MCP servers that are commands (transport stdio) are not allowed on this worker"
            raise task_failure("mcp_command_not_allowed", message, retryable=False)
        return {"transport": "stdio", "command": server.command, "args": list(server.args)}


def _unusable(server: McpServer, error: Exception) -> StepFailure:
    leaf = _leaf(error)
    if isinstance(leaf, StepFailure):
        return leaf
    return task_failure(
        "mcp_unavailable", f"the MCP server {_place(server)} cannot be used: {str(leaf) or type(leaf).__name__}"
    )


async def _adapters() -> Any:
    try:
        return await importing(partial(importlib.import_module, _SESSIONS))
    except ImportError as error:
        message = "tools of MCP servers need a package that is not installed: install it with `pip install 'weft[mcp]'`"
        raise task_failure("mcp_not_installed", message, retryable=False) from error


async def _listed(session: "ClientSession") -> "list[McpTool]":
    tools: list[McpTool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await session.list_tools(cursor)
        tools += page.tools
        cursor = page.nextCursor
        if not cursor:
            return tools
    raise task_failure("mcp_unavailable", f"the MCP server lists its tools on more than {_MOST_PAGES} pages")


def _chosen(server: McpServer, tools: "list[McpTool]") -> "list[McpTool]":
    if server.tools is None:
        return tools
    missing = set(server.tools) - {tool.name for tool in tools}
    if missing:
        known = ", ".join(tool.name for tool in tools)
        message = f"the MCP server {_place(server)} has no {', '.join(sorted(missing))}; it has: {known}"
        raise task_failure("mcp_tool_not_found", message, retryable=False)
    return [tool for tool in tools if tool.name in server.tools]


def _tool(session: "ClientSession", tool: "McpTool") -> Tool:
    async def call(call_id: str, arguments: Mapping[str, Any]) -> Any:
        del call_id
        return _outcome(tool.name, await session.call_tool(tool.name, dict(arguments)))

    return Tool(
        name=tool_name(tool.name),
        label=tool.name,
        description=tool.description or "",
        parameters=tool.inputSchema,
        call=call,
    )


def _outcome(name: str, result: "CallToolResult") -> Any:
    """What is structured, else the text; other content (images, resources) as MCP's JSON."""
    texts = [block.text for block in result.content if block.type == "text"]
    if result.isError:
        raise task_failure("mcp_tool_failed", "\n".join(texts) or f"the tool {name} failed without a message")
    if result.structuredContent is not None:
        return result.structuredContent
    if len(texts) == len(result.content):
        return "\n".join(texts)
    return [block.model_dump(mode="json", exclude_none=True) for block in result.content]


def _place(server: McpServer) -> str:
    """Without query and user, which may hold secrets."""
    if server.url is None:
        return server.command or ""
    parts = urlsplit(server.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
