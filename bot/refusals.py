"""Refused outgoing calls are written down: a line of the ledger, and a failure that counts how often."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.chain import Entry
from knowledge.database import bare
from knowledge.egress import EgressRefused, bear_witness
from knowledge.store.intake import Intake

if TYPE_CHECKING:
    from knowledge.database import Database

log = logging.getLogger(__name__)

NOT_DONE = "The call was not made."

Write = Callable[[EgressRefused], Coroutine[Any, Any, None]]
"""Writes one refusal down."""


class Refusals:
    """A witness of `knowledge.egress` that writes; in a process that has a database and a loop."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._writing: set[asyncio.Task[None]] = set()

    def __call__(self, refusal: EgressRefused) -> None:
        """From the loop's own thread, or from any other (the loop is asked to write)."""
        self._loop.call_soon_threadsafe(self._begin, refusal)

    def _begin(self, refusal: EgressRefused) -> None:
        task = asyncio.create_task(self._write(refusal))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        """Until everything is written."""
        await asyncio.sleep(0)  # what was just told is begun first
        while self._writing:
            await asyncio.gather(*self._writing, return_exceptions=True)


def through(intake: Intake, clock: Callable[[], int]) -> Write:
    """In the receiver, with the bare driver."""

    async def write(refusal: EgressRefused) -> None:
        try:
            await asyncio.to_thread(intake.record_refusal, record(refusal), *words(refusal), clock())
        except sqlite3.Error as error:
            log.error("the refused call to %s was not written down: %s", refusal.where, error)

    return write


@asynccontextmanager
async def witnessed(database: Path) -> AsyncIterator[None]:
    """Around a command that goes out by itself (`doctor`, `init`, a backup by hand), which opens no database otherwise.

    Where there is none yet, the log alone tells of a refusal.
    """

    async def write(refusal: EgressRefused) -> None:
        try:
            if not await asyncio.to_thread(bare.is_there, database):
                return
            with closing(await asyncio.to_thread(Intake, database)) as intake:
                await through(intake, lambda: int(time.time() * 1000))(refusal)
        except sqlite3.Error as error:
            log.error("the refused call to %s was not written down: %s", refusal.where, error)

    refusals = Refusals(write)
    end = bear_witness(refusals)
    try:
        yield
    finally:
        end()
        await refusals.close()


def into(db: Database, clock: Callable[[], int]) -> Write:
    """In a worker."""
    from knowledge import ledger
    from knowledge.database import DatabaseTrouble
    from knowledge.store import failures

    remedies = (failures.Remedy("dismiss", "Leave it", ""),)

    async def write(refusal: EgressRefused) -> None:
        now, (key, what, not_done) = clock(), words(refusal)
        try:
            async with db.write() as tx:
                await ledger.append(tx, now, record(refusal))
                await failures.note(tx, key, what, "", not_done, now, remedies=remedies)
        except DatabaseTrouble as trouble:
            log.error("the refused call to %s was not written down: %s", refusal.where, trouble)

    return write


def record(refusal: EgressRefused) -> Entry:
    return Entry("system", "egress.refused", refusal.code, refusal.where)


def words(refusal: EgressRefused) -> tuple[str, str, str]:
    """(the key of the failure, what happened, what was not done): one failure for each reason and place."""
    return f"egress:{refusal.code}:{refusal.where}", str(refusal), NOT_DONE
