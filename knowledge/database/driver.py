"""aiosqlite with one trip to its thread for each statement instead of four: a turn makes some hundred of them.

A cursor here executes and fetches at once; everything after that is plain memory. Rows are small and few by design.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiosqlite

from knowledge import cipher


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
        await self._run(lambda cursor: cursor.execute(sql, parameters))
        return self

    async def executemany(self, sql: str, many: Sequence[Any]) -> QuickCursor:
        await self._run(lambda cursor: cursor.executemany(sql, many))
        return self

    async def _run(self, call: Callable[[sqlite3.Cursor], Any]) -> None:
        def there(connection: sqlite3.Connection) -> tuple[Any, int, int | None, list[Any]]:
            cursor = connection.cursor()
            try:
                call(cursor)
                rows = cursor.fetchall() if cursor.description else []
                return cursor.description, cursor.rowcount, cursor.lastrowid, rows
            finally:
                cursor.close()

        self.description, self.rowcount, self.lastrowid, self._rows = await self._connection.there(there)

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

    async def there(self, call: Callable[[sqlite3.Connection], Any]) -> Any:
        """Run `call` with the real connection in the connection's own thread."""
        return await self._execute(call, self._conn)  # type: ignore[no-untyped-call]

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
