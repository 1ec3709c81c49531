"""A small HTTP server for fakes: on loopback, able to do what real servers do wrong (cut a connection)."""

from __future__ import annotations

import asyncio
import contextlib
import email.parser
import email.policy
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit


class Drop(Exception):
    """Raised by a handler: the connection is closed without an answer."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def params(self) -> dict[str, Any]:
        """The arguments of a JSON, form or multipart body over those of the query; files are `(name, bytes)`."""
        kind = self.headers.get("content-type", "")
        found: dict[str, Any] = {k: v[-1] for k, v in parse_qs(self.query, keep_blank_values=True).items()}
        if kind.startswith("application/json"):
            return found | (json.loads(self.body) if self.body else {})
        if kind.startswith("multipart/form-data"):
            head = f"Content-Type: {kind}\r\n\r\n".encode()
            parts = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
            for part in parts.iter_parts():
                disposition = part["content-disposition"].params
                content = cast(bytes, part.get_payload(decode=True))
                name = disposition.get("filename")
                found[disposition["name"]] = (name, content) if name else content.decode()
            return found
        return found | {k: v[-1] for k, v in parse_qs(self.body.decode(), keep_blank_values=True).items()}


@dataclass(frozen=True)
class Response:
    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Response:
        return cls(status, json.dumps(value).encode(), headers=headers)


Handler = Callable[[Request], Awaitable[Response]]


class Loopback:
    """`async with Loopback(handler) as server:` listens at `server.url`; port 0 takes a free one.

    While `detour` holds an address, every request is sent on to it (307) instead of being answered; `astray` counts them.
    """

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self.detour, self.astray = "", 0
        self._handler = handler
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Loopback:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=2**20)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.drop_all()

    def drop_all(self) -> int:
        """Cut every open connection, as a network does."""
        found = tuple(self._open)
        for writer in found:
            writer.transport.abort()
        return len(found)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, Drop):
                while (request := await _read(reader)) is not None:
                    writer.write(_bytes(await self._answer(request)))
                    await writer.drain()
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, request: Request) -> Response:
        if self.detour:
            self.astray += 1
            return Response(307, headers={"location": self.detour + request.path})
        return await self._handler(request)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        chunks = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            chunks.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        body = b"".join(chunks)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    url = urlsplit(target)
    return Request(method, unquote(url.path), url.query, headers, body)


def _bytes(response: Response) -> bytes:
    extra = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    head = (
        f"HTTP/1.1 {response.status} X\r\ncontent-type: {response.kind}\r\n"
        f"content-length: {len(response.body)}\r\n{extra}\r\n"
    )
    return head.encode() + response.body
