"""Signs of life that a receiver gives beside its work: typing, a form that opens, a press that is confirmed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import httpx

IN_FLIGHT = 16  # more are left out: they are only courtesy


class Signs:
    """Call it with what is to be awaited: at once, in the background, and silently when the platform does not take it.

    `mute` are further errors that mean no more than that.
    """

    def __init__(self, *mute: type[Exception]) -> None:
        self._mute = (ConnectionError, httpx.HTTPError, *mute)
        self._under_way: set[asyncio.Task[None]] = set()

    def __call__(self, sign: Coroutine[Any, Any, Any], after: float = 0.0) -> None:
        """`after` seconds from now."""
        if len(self._under_way) >= IN_FLIGHT:
            sign.close()
            return
        task = asyncio.create_task(self._give(sign, after))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _give(self, sign: Coroutine[Any, Any, Any], after: float) -> None:
        try:
            await asyncio.sleep(after)
            with contextlib.suppress(*self._mute):
                await sign
        finally:
            sign.close()  # it may never have begun
