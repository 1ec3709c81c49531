"""Refused outgoing calls are written down: a line of the ledger, and a failure that counts how often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from knowledge import ledger
from knowledge.database import Database
from knowledge.egress import EgressRefused
from knowledge.store import failures
from knowledge.store.failures import Remedy

log = logging.getLogger(__name__)


class Refusals:
    """A witness of `knowledge.egress` that writes into the database; in a process that has one."""

    def __init__(self, db: Database, clock: Callable[[], int]) -> None:
        self.db, self.clock = db, clock
        self._loop = asyncio.get_running_loop()
        self._writing: set[asyncio.Task[None]] = set()

    def __call__(self, refusal: EgressRefused) -> None:
        """From the loop's own thread, or from any other (the loop is asked to write)."""
        self._loop.call_soon_threadsafe(self._begin, refusal)

    def _begin(self, refusal: EgressRefused) -> None:
        task = asyncio.create_task(self._write(refusal))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, refusal: EgressRefused) -> None:
        now = self.clock()
        what, key = words(refusal)
        async with self.db.write() as tx:
            await ledger.append(tx, now, ledger.Entry("system", "egress.refused", refusal.code, refusal.where))
            remedies = (Remedy("dismiss", "Leave it", ""),)
            await failures.note(tx, key, what, "", "The call was not made.", now, remedies=remedies)

    async def close(self) -> None:
        """Until everything is written."""
        while self._writing:
            await asyncio.gather(*self._writing, return_exceptions=True)


def words(refusal: EgressRefused) -> tuple[str, str]:
    """(the sentence, the key of the failure): one failure for each reason and place."""
    return str(refusal), f"egress:{refusal.code}:{refusal.where}"
