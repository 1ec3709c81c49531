"""Runs Python in a child that has no environment and is given up after a time: for parsers of what strangers send."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_FIRST = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from knowledge.strongbox import no_core_dumps; no_core_dumps(); "
)


class SaidTooMuch(Exception):
    """The child said more than it may; it was killed."""


async def confined(code: str, *arguments: str, data: bytes = b"", most: int, seconds: float) -> bytes:
    """What the child that runs `code` with `arguments` and `data` on stdin says on stdout, even if it then died.

    At most `most` bytes, else SaidTooMuch; TimeoutError after `seconds`. The child sets its own limits of memory.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", _FIRST + code, str(_ROOT), *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    feeding = asyncio.create_task(_feed(child.stdin, data))
    try:
        async with asyncio.timeout(seconds):
            said = await _read(child.stdout, most)
            await child.wait()
            return said
    finally:
        if child.returncode is None:
            child.kill()
            while await child.stdout.read(2**16):  # what nobody reads would keep `wait` from ending
                pass
            await child.wait()
        feeding.cancel()


async def _feed(stdin: asyncio.StreamWriter, data: bytes) -> None:
    try:
        stdin.write(data)
        await stdin.drain()
        stdin.close()
    except (BrokenPipeError, ConnectionResetError):  # it died of what it has read: its silence says so
        return


async def _read(stdout: asyncio.StreamReader, most: int) -> bytes:
    said = bytearray()
    while block := await stdout.read(2**16):
        said += block
        if len(said) > most:
            raise SaidTooMuch
    return bytes(said)
