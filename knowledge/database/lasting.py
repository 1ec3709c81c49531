"""What has happened outside is written down, also when the database is away at that moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from knowledge.database.engine import DatabaseTrouble

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

AGAIN_S = 0.5


def lasting(write: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Repeat `write` (one transaction) until the database takes it, for the length of the process.

    A commit whose answer was lost is repeated too: `write` must see in its transaction that it is not its to do any more.
    """

    @wraps(write)
    async def patiently(*args: P.args, **kwargs: P.kwargs) -> T:
        said = False
        while True:
            try:
                return await write(*args, **kwargs)
            except DatabaseTrouble as trouble:
                if not trouble.passes:
                    raise
                if not said:
                    log.error("%s waits to be written: %s", write.__qualname__, trouble)
                    said = True
            await asyncio.sleep(AGAIN_S)

    return patiently
