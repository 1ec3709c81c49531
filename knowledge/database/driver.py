"""aiosqlite without its thread for what is over sooner than a trip there: a turn makes some hundred statements.

A cursor here executes and fetches at once; everything after that is plain memory. Rows are small and few by design. In
WAL mode a read waits for nobody, and a statement inside `BEGIN IMMEDIATE` holds the lock already: both run where they
are asked for. What may wait for another process or for the disk goes to the connection's thread: taking the lock,
committing a change, and a read that turns out long (it is broken off and asked there once more).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from knowledge import cipher

T = TypeVar("T")


QUICK = ("SELECT", "INSERT", "UPDATE")
"""How a statement begins that is run where it is asked for, when it is asked once (`executemany` is for many rows)."""

LONG = 100_000
"""Instructions of SQLite's machine after which a read is broken off and goes to the thread: one or two milliseconds."""


class QuickCursor:
    """The part of a DB-API cursor that SQLAlchemy's async adapter uses; filled by `execute` in one trip."""

    def __init__(self, connection: QuickConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> QuickCursor:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def execute(self, sql: str, parameters: Any = ()) -> QuickCursor:
        await self._run(sql, lambda cursor: cursor.execute(sql, parameters))
        return self

    async def executemany(self, sql: str, many: Sequence[Any]) -> QuickCursor:
        await self._run("", lambda cursor: cursor.executemany(sql, many))
        return self

    async def _run(self, sql: str, call: Callable[[sqlite3.Cursor], Any]) -> None:
        def work(connection: sqlite3.Connection) -> tuple[Any, int, int | None, list[Any]]:
            cursor = connection.cursor()
            try:
                call(cursor)
                rows = cursor.fetchall() if cursor.description else []
                return cursor.description, cursor.rowcount, cursor.lastrowid, rows
            finally:
                cursor.close()

        if sql.startswith("SELECT"):
            found = await self._connection.read(work)
        elif sql.startswith(QUICK) or sql == "BEGIN":
            found = await self._connection.here(work)
        else:
            found = await self._connection.there(work)
        self.description, self.rowcount, self.lastrowid, self._rows = found

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        count = size or self.arraysize
        rows, self._rows = self._rows[:count], self._rows[count:]
        return rows

    async def close(self) -> None:
        self._rows = []


class QuickConnection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors are `QuickCursor`s."""

    _asked = 0  # of the thread, counted by the loop
    _done = 0  # counted by the thread
    _changes_before = 0

    @property
    def _idle(self) -> bool:
        return self._asked == self._done

    async def there(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Run `call` with the real connection in the connection's own thread."""
        return await self._execute(call, self._conn)  # type: ignore[no-any-return]

    async def here(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Run `call` at once, unless the thread still works for one who has stopped waiting for it."""
        return call(self._conn) if self._idle else await self.there(call)

    async def read(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read at once; when it is a long one, again in the thread. Inside one transaction both see the same."""
        if not self._idle:
            return await self.there(call)
        self._conn.set_progress_handler(lambda: 1, LONG)
        try:
            return call(self._conn)
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
        finally:
            self._conn.set_progress_handler(None, LONG)
        return await self.there(call)

    async def commit(self) -> None:
        await self._settle(lambda connection: connection.commit())

    async def rollback(self) -> None:
        await self._settle(lambda connection: connection.rollback())

    async def _settle(self, end: Callable[[sqlite3.Connection], None]) -> None:
        """A transaction that changed no row has nothing to sync, so nothing to wait for."""
        quiet = self._conn.total_changes == self._changes_before
        await (self.here if quiet else self.there)(end)
        self._changes_before = self._conn.total_changes

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def work() -> Any:
            try:
                return fn(*args, **kwargs)
            finally:
                self._done += 1

        self._asked += 1
        return await super()._execute(work)  # type: ignore[no-untyped-call]

    def cursor(self) -> Any:
        return QuickCursor(self)


def opener(path: Path, pragmas: Sequence[str]) -> Callable[[], Any]:
    """For `create_async_engine(async_creator=…)`: opens `path` in autocommit mode and sets the pragmas."""

    def connect() -> sqlite3.Connection:
        connection = cipher.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    async def create() -> QuickConnection:
        connection = QuickConnection(connect, iter_chunk_size=64)
        connection._thread.daemon = True
        try:
            await connection
        except sqlite3.Error:
            await asyncio.to_thread(connection._thread.join, 5.0)  # it reports to this loop, which may end with us
            raise
        return connection

    return create
