"""PostgreSQL as the truth, with SQLite's one promise kept: one writer at a time, every commit on the disk.

A writing transaction takes one advisory lock for its length, so writers queue (first come, first served) across all
processes and machines, and each sees what the one before it left. Reading waits for nobody: a snapshot. What differs
from SQLite in SQL is below; the stores know nothing of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import Params
from psycopg.rows import dict_row, tuple_row
from psycopg.types.string import StrDumper

LOCK = 0x53_54_45_57_41_52_44
"""The advisory lock of whoever writes, in Steward's own database ("STEWARD")."""

WRITE = f"BEGIN; SELECT pg_advisory_xact_lock({LOCK})"
READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

SESSION = """
SET lock_timeout = '15s';
SET idle_in_transaction_session_timeout = '60s';
SET client_connection_check_interval = '5s';
SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
"""A commit is on the disk when it returns; who vanished with the lock, holds it for half a minute or a minute at most."""

ALONE = f"SELECT pg_advisory_lock({LOCK} + 1)"
"""Held until the connection ends: nobody else migrates."""

_CHANGES = ("INSERT", "UPDATE", "DELETE")
CONNECT_S = 10


class _Text(StrDumper):
    """PostgreSQL's text has no NUL: it is kept as the sign for what can't be shown."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))


class CountingCursor(psycopg.AsyncCursor[Any]):
    """Counts changed rows as SQLite's `total_changes` does."""

    async def execute(self, query: Any, params: Params | None = None, **how: Any) -> CountingCursor:
        await super().execute(query, params, **how)
        return self._counted()

    async def executemany(self, query: Any, params_seq: Any, **how: Any) -> None:
        await super().executemany(query, params_seq, **how)
        self._counted()

    def _counted(self) -> CountingCursor:
        if (self.statusmessage or "").startswith(_CHANGES):
            connection: Any = self.connection
            connection.total_changes += max(self.rowcount, 0)
        return self


class Connection(psycopg.AsyncConnection[Any]):
    """For SQLAlchemy's engine, which begins its transactions itself."""

    total_changes = 0


def opener(url: str) -> Callable[[], Any]:
    """For `create_async_engine(async_creator=…)`."""

    async def create() -> Connection:
        connection = await Connection.connect(
            url, autocommit=True, cursor_factory=CountingCursor, connect_timeout=CONNECT_S, application_name="steward"
        )
        connection.adapters.register_dumper(str, _Text)
        await connection.execute(SESSION)
        return connection

    return create


class Bare:
    """The part of `sqlite3.Connection` that Steward uses, with its errors: everybody who catches errors catches those.

    A statement that changes something outside a transaction takes the lock for itself. A connection that was lost is
    made anew by the next statement that is in no transaction.
    """

    def __init__(self, url: str, *, read_only: bool = False, rows: bool = False) -> None:
        self._url, self._read_only = url, read_only
        self._row: Any = dict_row if rows else tuple_row
        self.text_factory: Any = None  # SQLite's alone: a server gives text or nothing
        self._db = self._opened()

    def _opened(self) -> psycopg.Connection[Any]:
        with as_sqlite():
            db = psycopg.connect(
                self._url,
                autocommit=True,
                row_factory=self._row,
                connect_timeout=CONNECT_S,
                application_name="steward",
            )
            db.adapters.register_dumper(str, _Text)
            db.execute(SESSION)
            if self._read_only:
                db.execute("SET default_transaction_read_only = on")
        return db

    @property
    def in_transaction(self) -> bool:
        return not self._db.closed and self._db.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> psycopg.Cursor[Any]:
        """Raises sqlite3.Error."""
        if self.in_transaction:
            return self._run(statement, parameters)
        if statement == "BEGIN IMMEDIATE":
            return self._first(WRITE)
        if not statement.lstrip().startswith(_CHANGES):
            return self._first(statement, parameters)
        self._first(WRITE)
        try:
            cursor = self._run(statement, parameters)
        except BaseException:
            self._end()
            raise
        self._run("COMMIT")
        return cursor

    def _first(self, statement: str, parameters: Sequence[object] = ()) -> psycopg.Cursor[Any]:
        """Where the connection was lost since, once more on a new one: nothing was begun yet."""
        try:
            return self._run(statement, parameters)
        except sqlite3.Error:
            if not self._db.closed:
                self._end()
                raise
        self._db = self._opened()
        return self._run(statement, parameters)

    def _end(self) -> None:
        if self.in_transaction:
            with as_sqlite():
                self._db.rollback()

    def _run(self, statement: str, parameters: Sequence[object] = ()) -> psycopg.Cursor[Any]:
        query = _in_postgres(statement) if parameters else statement.encode()
        with as_sqlite():
            return self._db.execute(query, parameters or None)

    def close(self) -> None:
        self._db.close()


def plain(url: str) -> psycopg.Connection[Any]:
    """For Alembic, whose migration is one transaction."""
    return psycopg.connect(url, connect_timeout=CONNECT_S, application_name="steward")


@cache
def _in_postgres(statement: str) -> bytes:
    return statement.replace("%", "%%").replace("?", "%s").encode()


@contextmanager
def as_sqlite() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        kind: type[sqlite3.Error] = sqlite3.OperationalError
        if isinstance(error, psycopg.IntegrityError):
            kind = sqlite3.IntegrityError
        raise kind(told(error) or str(error)) from error


def told(error: BaseException) -> str:
    """The server's complaint as a sentence with the next step; "" for what is none of those and for other drivers'."""
    if not isinstance(error, psycopg.Error):
        return ""
    first = str(error).strip().partition("\n")[0]
    if isinstance(error, errors.UndefinedTable):
        return f"no such table: {first}"  # as SQLite says it: another version's database, or an empty one
    if isinstance(error, errors.DiskFull):
        return "The database server's disk is full: nothing was written. Free some space; Steward goes on by itself."
    if isinstance(error, (errors.LockNotAvailable, errors.QueryCanceled)):
        return (
            "The database was busy for too long: nothing was written. Try again; if it stays, look for a stuck process "
            "(`SELECT * FROM pg_stat_activity`)."
        )
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return (
            "PostgreSQL takes no changes (a standby?): nothing was written. Point STEWARD_DATABASE__URL at the primary."
        )
    if isinstance(error, errors.InsufficientPrivilege):
        return f"PostgreSQL refused: {first}. Make the user of STEWARD_DATABASE__URL the owner of its database."
    if isinstance(error, psycopg.OperationalError):
        return f"PostgreSQL at STEWARD_DATABASE__URL cannot be used: {first}. Check the URL, and that the server runs."
    return ""
