"""Connections: a write transaction begins IMMEDIATE and ends with one synced commit; reads never block it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from knowledge.cipher import WrongKey
from knowledge.database import bare
from knowledge.database.door import Door
from knowledge.keys import Sealer, sealer

Tx = AsyncConnection
"""A transaction (or a read connection): what every store function takes first."""

PRAGMAS = ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-4000")

DOOR_S = 0.25
"""How long a write waits for arrivals to be stored first; a receiver that hangs holds nobody up for longer."""


class DatabaseTrouble(Exception):
    """The database refused: its message is a sentence for the principal, its cause the driver's exception."""

    @property
    def passes(self) -> bool:
        """Whether the same may be taken later: a server that is away, a full disk; never what the schema forbids."""
        return isinstance(self.__cause__, (OperationalError, InterfaceError))


def trouble_of(error: BaseException) -> DatabaseTrouble:
    """The driver's complaint as one sentence that names the next step."""
    orig = getattr(error, "orig", error)
    text = str(orig).lower()
    if isinstance(orig, WrongKey):
        sentence = str(orig)
    elif said := _by_server(orig) or _by_server(orig.__cause__):
        sentence = said
        if said.startswith("no such table"):
            sentence = (
                "The database was made by another version of Steward. Start `steward run` once to bring it up to date."
            )
    elif "disk is full" in text or "disk full" in text or "no space" in text:
        sentence = "The disk is full: nothing was written. Free some space; Steward goes on by itself."
    elif "readonly" in text or "read-only" in text:
        sentence = "Steward's home is read-only: nothing was written. Make it writable or set STEWARD_HOME elsewhere."
    elif "locked" in text or "busy" in text:
        sentence = (
            "The database was busy for too long: nothing was written. Try again; if it stays, look for a stuck process."
        )
    elif "not a database" in text:
        sentence = (
            "Steward's database does not open: it is encrypted and STEWARD_DATABASE__KEY is not set, or it is damaged. "
            "Set the key, or restore the last backup with `steward restore`."
        )
    elif "malformed" in text:
        sentence = "Steward's database is damaged. Restore the last backup with `steward restore`."
    elif "unable to open" in text:
        sentence = "Steward's home cannot be opened. Check that the folder exists and is yours, or set STEWARD_HOME."
    else:
        sentence = f"The database refused: {orig}"
    trouble = DatabaseTrouble(sentence)
    trouble.__cause__ = error
    return trouble


def _by_server(error: BaseException | None) -> str:
    if error is None or not type(error).__module__.startswith("psycopg"):
        return ""
    from knowledge.database.postgres import told

    return told(error)


class Database:
    """Steward's own database at `path` (SQLite: WAL, `synchronous=FULL`), or behind its URL (`bare`).

    `commits` counts this process's commits that changed something (an empty one syncs nothing).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = 0
        self._write_lock = asyncio.Lock()
        self._door = Door(path)
        seal = sealer(path.parent)
        driver, opener, write, read = _driver(path)
        self._writer = _engine(driver, opener, write, seal, pool_size=1)
        self._reader = _engine(driver, opener, read, seal, pool_size=3)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """One transaction: all of it is on disk after the block, or nothing is. Raises `DatabaseTrouble`."""
        async with self._write_lock:
            await self._after_arrivals()
            try:
                async with self._writer.begin() as tx:
                    driver = (await tx.get_raw_connection()).driver_connection
                    before = driver.total_changes if driver is not None else 0
                    yield tx
                    changed = driver is None or driver.total_changes != before
            except DBAPIError as error:
                raise trouble_of(error) from error
            self.commits += changed

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """A snapshot to read from; writing in it is a mistake."""
        try:
            async with self._reader.begin() as tx:
                yield tx
        except DBAPIError as error:
            raise trouble_of(error) from error

    async def _after_arrivals(self) -> None:
        ends = time.monotonic() + DOOR_S
        while not self._door.is_open() and time.monotonic() < ends:  # noqa: ASYNC110  # it is another process's
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        self._door.close()
        await self._writer.dispose()
        await self._reader.dispose()


def _driver(path: Path) -> tuple[str, Callable[[], Any], str, str]:
    """SQLAlchemy's name of it, what opens a connection, and how a writing and a reading transaction begin."""
    if url := bare.url_of(path):
        import knowledge.database.upsert  # noqa: F401  # teaches the compiler
        from knowledge.database import postgres

        return "postgresql+psycopg://", postgres.opener(url), postgres.WRITE, postgres.READ
    from knowledge.database.driver import opener

    return "sqlite+aiosqlite://", opener(path, PRAGMAS), "BEGIN IMMEDIATE", "BEGIN"


def _engine(driver: str, opener: Callable[[], Any], begin: str, seal: Sealer, pool_size: int) -> AsyncEngine:
    """An engine that begins its transactions itself (the driver would begin late) and leaves nothing to roll back."""
    served = driver.startswith(
        "postgresql"
    )  # rolls back what did not get the lock; counts the rows of an INSERT when asked
    more: dict[str, Any] = {"execution_options": {"preserve_rowcount": True}} if served else {}
    engine = create_async_engine(
        driver, async_creator=opener, poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size, max_overflow=4 if pool_size > 1 else 0,
        pool_reset_on_return="rollback" if served else None, **more,
    )  # fmt: skip

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(_connection: Any, record: Any) -> None:
        record.info["sealer"] = seal  # what the ledger asks for

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
