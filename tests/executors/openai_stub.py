"""A server on loopback that speaks OpenAI's chat-completions protocol, and breaks it on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Then(Enum):
    """What follows the last chunk."""

    DONE = "done"
    """The end mark, and the end of the response."""
    END = "end"
    """The end of the response without the end mark."""
    BREAK = "break"
    """The connection breaks off in the middle."""
    HANG = "hang"
    """Nothing, until the client goes away."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    chunks: Sequence[Mapping[str, Any]]
    then: Then = Then.DONE


@dataclass(frozen=True, kw_only=True)
class Refusal:
    status: int
    message: str = "no"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class OpenAIStub:
    """Gives `replies` in order, one for each request."""

    def __init__(self, replies: Sequence[Stream | Refusal]) -> None:
        self._replies = list(replies)
        self.requests: list[Received] = []
        self.base_url = ""
        self.left = asyncio.Event()
        """Set when a client went away during `HANG`."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await _request(reader))
            reply = self._replies.pop(0)
            if isinstance(reply, Refusal):
                await _refuse(writer, reply)
            else:
                await self._stream(reader, writer, reply)
        finally:
            writer.close()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Stream) -> None:
        headers = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\n{headers}\r\n".encode())
        for chunk in reply.chunks:
            _send(writer, f"data: {json.dumps(chunk)}\n\n")
            await writer.drain()
        match reply.then:
            case Then.DONE:
                _send(writer, "data: [DONE]\n\n")
                _send(writer, "")
            case Then.END:
                _send(writer, "")
            case Then.BREAK:
                writer.transport.abort()
                return
            case Then.HANG:
                await writer.drain()
                await reader.read()
                self.left.set()
                return
        await writer.drain()


@asynccontextmanager
async def openai_stub(*replies: Stream | Refusal) -> AsyncIterator[OpenAIStub]:
    stub = OpenAIStub(replies)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    async with server:
        stub.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield stub


def text(*tokens: str, finish: str = "stop", usage: tuple[int, int] | None = (7, 3)) -> list[dict[str, Any]]:
    """The chunks of a reply in these tokens; `usage` is input and output tokens, on a chunk of its own."""
    chunks = [_chunk({"content": token}) for token in tokens]
    chunks.append(_chunk({}, finish=finish))
    return [*chunks, *([_usage(*usage)] if usage else [])]


def tool_calls(*calls: tuple[str, str, Sequence[str]], usage: tuple[int, int] = (7, 3)) -> list[dict[str, Any]]:
    """The chunks of tool calls: id, name, and the arguments in fragments."""
    chunks: list[dict[str, Any]] = []
    for index, (call_id, name, fragments) in enumerate(calls):
        named = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        chunks.append(_chunk({"tool_calls": [named]}))
        chunks += [_chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]}) for part in fragments]
    return [*chunks, _chunk({}, finish="tool_calls"), _usage(*usage)]


def _chunk(delta: Mapping[str, Any], *, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish, "logprobs": None}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "stub", "choices": [choice]}


def _usage(asked: int, given: int) -> dict[str, Any]:
    usage = {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "stub",
        "choices": [],
        "usage": usage,
    }


async def _request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(path=head[0].split()[1], headers=headers, body=json.loads(body or b"{}"))


async def _refuse(writer: asyncio.StreamWriter, refusal: Refusal) -> None:
    error = {"message": refusal.message, "type": "error", "param": None, "code": refusal.code}
    body = json.dumps({"error": error}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | dict(refusal.headers)).items())
    writer.write(f"HTTP/1.1 {refusal.status} Stub\r\n{lines}\r\n".encode() + body)
    await writer.drain()


def _send(writer: asyncio.StreamWriter, text: str) -> None:
    data = text.encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
