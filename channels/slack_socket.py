"""A WebSocket client in the standard library (RFC 6455: text, fragments, ping, close): the receiver stays slim."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from knowledge.egress import EgressRefused, Rules, check, refused, system_resolve

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_LARGEST = 16 * 2**20
SILENCE = 90.0  # seconds; Slack pings every ten, so longer silence is a dead connection


class Closed(ConnectionError):
    """The other side closed the socket, or fell silent."""


class Socket:
    """An open connection. One reader and one writer at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> str:
        """The next text message; pings are answered meanwhile. Raises Closed."""
        message = b""
        while True:
            try:
                final, kind, data = await asyncio.wait_for(self._frame(), SILENCE)
            except (asyncio.IncompleteReadError, TimeoutError, OSError):
                raise Closed("the socket was cut") from None
            if kind == _PING:
                await self._send(_PONG, data)
            elif kind == _CLOSE:
                raise Closed("the socket was closed")
            elif kind != _PONG:
                message += data
                if len(message) > _LARGEST:
                    raise Closed("a message is too long")
                if final:
                    return message.decode("utf-8", "replace")

    async def send(self, text: str) -> None:
        await self._send(_TEXT, text.encode())

    async def _frame(self) -> tuple[bool, int, bytes]:
        first, second = await self._reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        if size > _LARGEST:
            raise Closed("a frame is too long")
        return bool(first & 0x80), first & 0x0F, await self._reader.readexactly(size)

    async def _send(self, kind: int, data: bytes) -> None:
        size = len(data)
        head = bytes([0x80 | kind, 0x80 | (size if size < 126 else 126 if size < 65_536 else 127)])
        if size >= 126:
            head += struct.pack("!H" if size < 65_536 else "!Q", size)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(data))
        self._writer.write(head + mask + masked)
        await self._writer.drain()


@asynccontextmanager
async def connect(url: str, rules: Rules) -> AsyncIterator[Socket]:
    """An open socket at a ws:// or wss:// address that `rules` allow. Raises ConnectionError when the handshake fails."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    try:
        address = await check(parts.scheme, host, port, rules, system_resolve)
    except EgressRefused as refusal:
        refused(refusal)
        raise ConnectionError(str(refusal)) from None
    tls: dict[str, Any] = {"ssl": ssl.create_default_context(), "server_hostname": host} if secure else {}
    reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port, **tls), 10)
    try:
        key = base64.b64encode(os.urandom(16)).decode()
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        proof = base64.b64encode(hashlib.sha1((key + _MAGIC).encode(), usedforsecurity=False).digest()).decode()
        if not head.startswith(b"HTTP/1.1 101") or f": {proof}\r\n" not in head.decode("latin-1"):
            raise ConnectionError("the socket's handshake failed")
        yield Socket(reader, writer)
    except asyncio.IncompleteReadError:
        raise ConnectionError("the socket was cut during its handshake") from None
    finally:
        writer.transport.abort()
