"""A claim kept alive while its work runs, and the work ended when the claim has passed to another worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from graphs.state import Crew, ms
from knowledge.database import DatabaseTrouble, Tx
from knowledge.store.leases import StaleLease

log = logging.getLogger(__name__)


Renew = Callable[[Tx, int], Awaitable[None]]
"""Renews the claim at a time (ms). Raises `StaleLease` when it has changed hands."""


class Renewal:
    """Keeps a lease or a claim of `span_ms` alive while its work runs; ends the work when another worker has it."""

    def __init__(self, crew: Crew, renew: Renew, span_ms: int) -> None:
        self.crew, self.renew, self.span_ms = crew, renew, span_ms
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        owner = asyncio.current_task()
        assert owner is not None
        self._task = asyncio.create_task(self._renew(owner))

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _renew(self, owner: asyncio.Task[Any]) -> None:
        while True:
            await asyncio.sleep(self.span_ms / 3000)
            now = ms(self.crew.clock())
            try:
                async with self.crew.db.write() as tx:
                    await self.renew(tx, now)
            except StaleLease as stale:
                owner.cancel(str(stale))
                return
            except DatabaseTrouble as trouble:
                log.error("lease not renewed: %s", trouble)
