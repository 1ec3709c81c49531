"""Waiting for the very thing that a test needs, with patience enough for a busy machine; and ports that stay free."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx

PATIENCE_S = 120.0
ANEW = httpx.Limits(max_keepalive_connections=0)
"""For a client that posts now and then: a connection kept open may be closed by the server just when it is used again."""
_ALL = range(20_000, 30_000)  # below what systems give to outgoing connections
_HOLE = re.compile(rb"\0{65,}")
_PORTS = itertools.islice(itertools.cycle(_ALL), os.getpid() * 97 % len(_ALL), None)


async def until(
    holds: Callable[[], object | Awaitable[object]], told: Callable[[], object] = str, patience_s: float = PATIENCE_S
) -> None:
    """Wait until `holds()`; fails with `told()`."""
    ends = time.monotonic() + patience_s
    while True:
        found = holds()
        if await found if isinstance(found, Awaitable) else found:
            return
        assert time.monotonic() < ends, f"not within {patience_s:.0f} s: {told()}"
        await asyncio.sleep(0.01)


async def quickest(once: Callable[[], Awaitable[float]], tries: int = 3) -> float:
    """The shortest of some tries, in seconds: what is slow is slow each time, a busy machine only now and then."""
    return min([await once() for _ in range(tries)])


def free_port() -> int:
    """A port on loopback that nobody else is given meanwhile: runs beside each other begin at different places."""
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("the ports never end")


def read_all(folder: Path) -> dict[Path, bytes]:
    """What every file below `folder` holds; one that goes meanwhile (a journal) holds nothing.

    An index makes its files large in advance: of more NULs than 64 in a row 64 are kept, so that looking for words takes
    milliseconds. What has fewer in a row is found as before.
    """
    found: dict[Path, bytes] = {}
    for where, _, names in os.walk(folder):
        for path in (Path(where, name) for name in sorted(names)):
            with suppress(FileNotFoundError):
                if path.is_file() and not path.is_symlink():
                    found[path] = _HOLE.sub(bytes(64), path.read_bytes())
    return found
