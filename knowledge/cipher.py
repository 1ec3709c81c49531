"""Databases that are encrypted on the disk: SQLCipher behind the same doors as SQLite, for SQLAlchemy and for the saver.

The key is 32 random bytes. Imports its driver (the extra `encryption`) only where a key is set. Measured: opening 6 ms,
bulk writes at par with plain SQLite, checkpoint writes six to eight times slower.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    import aiosqlite

P = ParamSpec("P")
T = TypeVar("T")

_TRANSLATED = (
    "execute",
    "executemany",
    "executescript",
    "fetchone",
    "fetchmany",
    "fetchall",
    "commit",
    "rollback",
    "close",
)
_ERRORS = ("IntegrityError", "OperationalError", "ProgrammingError", "NotSupportedError", "DataError", "InternalError")


class CipherTrouble(Exception):
    """The key of the database is no key, or its driver is missing."""


def connect(path: Path, key: bytes, **options: Any) -> Any:
    """An open connection, like sqlite3's, errors included. With a wrong key the first statement says "not a database"."""
    if len(key) != 32:
        raise CipherTrouble("The database key is not 32 bytes. Give the one that the database was made with.")
    connection = _driver().connect(str(path), factory=_classes()[0], **options)
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    connection.execute("PRAGMA cipher_log_level = NONE")  # it would write to stderr
    connection.execute("PRAGMA cipher_memory_security = OFF")
    return connection


def opener(path: Path, key: bytes) -> Callable[..., aiosqlite.Connection]:
    """For SQLAlchemy: `create_async_engine("sqlite+aiosqlite://", async_creator=opener(path, key))`."""

    def open_one(*_args: Any, **_options: Any) -> aiosqlite.Connection:
        connection = connect_async(path, key)
        connection.daemon = True  # type: ignore[attr-defined]  # as SQLAlchemy's own dialect does
        return connection

    return open_one


def connect_async(path: Path, key: bytes) -> aiosqlite.Connection:
    """For LangGraph's saver: `async with connect_async(path, key) as connection: AsyncSqliteSaver(connection)`."""
    from aiosqlite.core import Connection

    return Connection(lambda: connect(path, key, check_same_thread=False), iter_chunk_size=64)


def _driver() -> Any:
    try:
        from sqlcipher3 import dbapi2
    except ImportError:
        raise CipherTrouble("An encrypted database needs the extra: pip install 'steward[encryption]'.") from None
    return dbapi2


@cache
def _classes() -> tuple[type, type]:
    """Connection and cursor whose errors are sqlite3's, since everybody who catches errors catches those."""
    driver = _driver()
    plain_cursor: Any = driver.Cursor
    plain_connection: Any = driver.Connection

    class Cursor(plain_cursor):  # type: ignore[misc]
        pass

    class Connection(plain_connection):  # type: ignore[misc]
        def cursor(self, factory: type = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, *arguments: Any) -> Any:
            return self.cursor().execute(*arguments)

        def executemany(self, *arguments: Any) -> Any:
            return self.cursor().executemany(*arguments)

        def executescript(self, *arguments: Any) -> Any:
            return self.cursor().executescript(*arguments)

    for made in (Cursor, Connection):
        for name in _TRANSLATED:
            if hasattr(made, name):
                setattr(made, name, _translating(getattr(made, name), driver))
    return Connection, Cursor


def _translating(method: Callable[P, T], driver: Any) -> Callable[P, T]:
    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except driver.Error as error:
            raise _like(error) from error

    return call


def _like(error: Exception) -> sqlite3.Error:
    name = type(error).__name__
    kind: type[sqlite3.Error] = getattr(sqlite3, name) if name in _ERRORS else sqlite3.DatabaseError
    made = kind(*error.args)
    for detail in ("sqlite_errorcode", "sqlite_errorname"):
        if hasattr(error, detail):
            setattr(made, detail, getattr(error, detail))
    return made
