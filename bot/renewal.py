"""A lease kept alive while its work runs, and the work ended when the lease has passed to another worker."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from graphs.state import Crew, ms
from knowledge.database import DatabaseTrouble
from knowledge.store import leases
from knowledge.store.leases import Lease, StaleLease

log = logging.getLogger(__name__)


class Renewal:
    """Keeps a lease alive while its work runs; ends the work when the lease has passed to another worker."""

    def __init__(self, crew: Crew, lease: Lease) -> None:
        self.crew, self.lease = crew, lease
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
            await asyncio.sleep(self.crew.lease_ms / 3000)
            now = ms(self.crew.clock())
            try:
                async with self.crew.db.write() as tx:
                    await leases.guard(tx, self.lease, now, self.crew.lease_ms)
            except StaleLease:
                owner.cancel("the lease has passed to another worker")
                return
            except DatabaseTrouble as trouble:
                log.error("lease not renewed: %s", trouble)
