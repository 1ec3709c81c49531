"""The smallest HTTP/1.1 server that a vendor's client will talk to: kept connections, bodies with a length, loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

Handler = Callable[[str, dict[str, Any]], Awaitable[tuple[int, Any]]]
"""(path, parameters of query and body) → status and JSON value."""


class Loopback:
    """`async with Loopback(handler) as server:` listens at `server.url`."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Loopback:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length") or 0))
        target = urlsplit(first.split(" ")[1])
        asked = _fields(target.query) | _parameters(headers.get("content-type", ""), body)
        status, value = await self._handler(target.path, asked)
        payload = json.dumps(value).encode()
        answer = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n"
        writer.write(answer.encode() + payload)
        with contextlib.suppress(ConnectionError):
            await writer.drain()


def _parameters(kind: str, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    if kind.startswith("application/json"):
        found = json.loads(body)
        return found if isinstance(found, dict) else {}
    return _fields(body.decode())


def _fields(text: str) -> dict[str, Any]:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
