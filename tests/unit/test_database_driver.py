"""The driver's shortcut: what is quick runs where it is asked for, what may wait runs in the connection's thread."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from knowledge.database.driver import LONG, QuickConnection, opener
from knowledge.database.engine import PRAGMAS, Database

COUNT_TO = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT max(i) FROM n"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[QuickConnection]:
    connection = await opener(path, PRAGMAS)()
    try:
        yield connection
    finally:
        await connection.close()


def where(connection: QuickConnection) -> list[str]:
    """From now on, the thread of each statement."""
    threads: list[str] = []
    connection._conn.create_function("here", 0, lambda: threads.append(threading.current_thread().name))
    return threads


async def ask(connection: QuickConnection, sql: str, *values: object) -> list[tuple[object, ...]]:
    cursor = await connection.cursor().execute(sql, values)
    rows: list[tuple[object, ...]] = await cursor.fetchall()
    return rows


async def test_a_quick_statement_runs_at_once_and_one_that_may_wait_in_the_thread(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as connection:
        await ask(connection, "CREATE TABLE t (x)")
        threads, own = where(connection), threading.current_thread().name
        await ask(connection, "SELECT here()")
        await ask(connection, "INSERT INTO t SELECT here()")
        await ask(connection, "UPDATE t SET x = here()")
        await ask(connection, "DELETE FROM t WHERE here() IS NULL")
        assert threads[:3] == [own] * 3
        assert own not in threads[3:]
        assert threads[3:]


async def test_a_long_read_goes_to_the_thread_and_is_whole(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as connection:
        await ask(connection, "BEGIN")
        threads = where(connection)
        sql = f"SELECT here(), m FROM ({COUNT_TO.replace('max(i)', 'max(i) AS m')})"
        assert (await ask(connection, sql, LONG))[0][1] == LONG
        assert threading.current_thread().name not in threads
        assert await ask(connection, "SELECT 1") == [(1,)]


async def test_a_read_that_is_wrong_says_so_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await ask(connection, "SELECT * FROM nowhere")


async def test_who_stops_waiting_for_the_lock_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    async with database.write() as tx:
        await tx.execute(text("CREATE TABLE t (x)"))
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write(x: int) -> None:
        async with database.write() as tx:
            await tx.execute(text("INSERT INTO t VALUES (:x)"), {"x": x})

    waiting = asyncio.create_task(write(1))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.sleep(0.05)
    assert not waiting.done()  # the loop goes on while the thread still waits
    other.execute("COMMIT")
    other.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await write(2)
    async with database.read() as tx:
        assert [x for (x,) in await tx.execute(text("SELECT x FROM t"))] == [2]
    await database.close()


async def test_a_change_is_committed_in_the_thread_and_an_empty_transaction_waits_for_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as connection:
        await ask(connection, "CREATE TABLE t (x)")
        await connection.commit()
        asked = connection._asked
        await ask(connection, "BEGIN")
        await ask(connection, "SELECT * FROM t")
        await connection.commit()
        assert connection._asked == asked
        await ask(connection, "BEGIN")
        await ask(connection, "INSERT INTO t VALUES (1)")
        await connection.commit()
        assert connection._asked == asked + 1
        await ask(connection, "BEGIN")
        await ask(connection, "INSERT INTO t VALUES (2)")
        await connection.rollback()
        assert await ask(connection, "SELECT x FROM t") == [(1,)]
