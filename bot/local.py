"""The local sockets: how a command beside a running Steward reaches the process that holds what it needs.

One JSON object a line each way: `{"do": name, …}` and `{"ok": true, …}` or `{"ok": false, "error": sentence}`.
The folder is private to the user (mode 0700); nothing listens beyond the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

LONGEST_LINE = 32 * 1024 * 1024
Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class NobodyThere(Exception):
    """No process listens on this socket."""


class LocalTrouble(Exception):
    """The process on the other side said no, in a sentence."""


class LocalServer:
    """Serves named requests on a Unix socket until closed."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self.path, self.handlers = path, handlers
        self._server: asyncio.Server | None = None
        self._guests: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._server = await asyncio.start_unix_server(self._serve, str(self.path), limit=LONGEST_LINE)
        os.chmod(self.path, 0o600)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for guest in list(self._guests):
                guest.close()
            await asyncio.sleep(0)  # their readers come to an end by themselves, not by being cancelled
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._guests.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return
        finally:
            self._guests.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> Mapping[str, Any]:
        try:
            request = json.loads(line)
            handler = self.handlers[request["do"]]
        except (ValueError, KeyError, TypeError):
            return {"ok": False, "error": "unknown request"}
        try:
            return {"ok": True, **await handler(request)}
        except Exception as error:
            log.exception("local request %s broke", request.get("do"))
            return {"ok": False, "error": str(error) or type(error).__name__}


async def ask(path: Path, do: str, *, timeout_s: float = 10.0, **body: Any) -> dict[str, Any]:
    """One request and its answer. Raises `NobodyThere`, `LocalTrouble` (their sentence) or TimeoutError."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=LONGEST_LINE)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NobodyThere(str(path)) from error
    try:
        writer.write(json.dumps({"do": do, **body}).encode() + b"\n")
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), timeout_s)
    except ConnectionError as error:
        raise NobodyThere(str(path)) from error
    finally:
        writer.close()
    if not line:
        raise NobodyThere(str(path))
    answer: dict[str, Any] = json.loads(line)
    if not answer.pop("ok", False):
        raise LocalTrouble(str(answer.get("error", "no reason given")))
    return answer


class Line:
    """A kept connection for pokes: opening a socket for every delivery would cost more than the poke."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: asyncio.StreamWriter | None = None
        self._drain: asyncio.Task[None] | None = None

    async def poke(self) -> bool:
        """Say `poke` without waiting for the answer; False when nobody is there."""
        if self._writer is None or self._writer.is_closing():
            try:
                reader, self._writer = await asyncio.open_unix_connection(str(self.path))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            self._drain = asyncio.create_task(self._swallow(reader))
        try:
            self._writer.write(b'{"do":"poke"}\n')
            await self._writer.drain()
        except ConnectionError:
            self.close()
            return False
        return True

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        while await reader.readline():
            pass
        self.close()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
