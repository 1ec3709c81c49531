"""The one way to open a database of the home: plain SQLite, or SQLCipher behind the same door where the home has a key.

The key is 32 random bytes, kept per home for the whole process, so that no place can forget it. The driver (the extra
`encryption`) is imported only where a key is set. Measured: opening 6 ms, bulk writes at par with plain SQLite,
checkpoint writes six to eight times slower.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

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


NOT_A_DATABASE = "file is not a database"  # what SQLite says of a wrong key

_keys: dict[Path, bytes] = {}


class CipherTrouble(Exception):
    """The key of the database is no key, or its driver is missing."""


class WrongKey(sqlite3.DatabaseError):
    """The key does not open this file: nothing was read or written."""


def unlock(home: Path, key: str) -> None:
    """From now on every database under `home` is opened with `key` (64 hex digits), or in clear when it is empty."""
    folder = home.absolute()
    if not key.strip():
        _keys.pop(folder, None)
        return
    try:
        raw = bytes.fromhex(key.strip())
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise CipherTrouble("STEWARD_DATABASE__KEY is no key: it is 64 hex digits. `steward encrypt` makes one.")
    _driver()
    _keys[folder] = raw


def key_for(path: Path) -> bytes | None:
    """The key of the home in which `path` lies."""
    home = home_of(path)
    return None if home is None else _keys[home]


def home_of(path: Path) -> Path | None:
    """The home in which `path` lies, where it has a key."""
    return next((folder for folder in path.absolute().parents if folder in _keys), None)


def connect(
    path: Path, *, key: bytes | None = None, read_only: bool = False, rows: bool = False, **options: Any
) -> sqlite3.Connection:
    """Open a database of the home, encrypted or not: the one way in. `rows` gives rows with names.

    Raises `WrongKey` where a key is set that does not open it.
    """
    key = key or key_for(path)
    name = f"{path.resolve().as_uri()}?mode=ro" if read_only else str(path)
    if key is None:
        plain: sqlite3.Connection = sqlite3.connect(name, uri=read_only, **options)
        if rows:
            plain.row_factory = sqlite3.Row
        return plain
    driver = _driver()
    connection = driver.connect(name, uri=read_only, factory=_classes()[0], **options)
    try:
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute("PRAGMA cipher_log_level = NONE")  # it would write to stderr
        connection.execute("PRAGMA cipher_memory_security = OFF")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if NOT_A_DATABASE not in str(error):
            raise
        raise WrongKey(_sentence(path)) from error
    if rows:
        connection.row_factory = driver.Row
    return cast(sqlite3.Connection, connection)


def _sentence(path: Path) -> str:
    if is_plain(path):
        return f"{path.name} is not encrypted yet, but a key is set. `steward encrypt` encrypts it."
    return f"The database key does not open {path.name}. Set STEWARD_DATABASE__KEY to the key that it was made with."


def is_plain(path: Path) -> bool:
    """Whether the file begins as SQLite's do in clear."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def connect_async(path: Path) -> aiosqlite.Connection:
    """The same for LangGraph's saver: `async with connect_async(path) as connection: AsyncSqliteSaver(connection)`."""
    from aiosqlite.core import Connection

    return Connection(lambda: connect(path, check_same_thread=False), iter_chunk_size=64)


def encrypt(path: Path, key: bytes) -> None:
    """Write a database in clear anew with `key`, in place. Nobody else may have it open. What lay there before may stay
    readable in unused blocks of the disk."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    plain = _driver().connect(str(path), factory=_classes()[0], isolation_level=None)
    try:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        plain.execute("PRAGMA journal_mode=DELETE")
        plain.execute(f"ATTACH DATABASE ? AS sealed KEY \"x'{key.hex()}'\"", (str(fresh),))
        plain.execute("SELECT sqlcipher_export('sealed')")
        plain.execute("DETACH DATABASE sealed")
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    finally:
        plain.close()
    os.chmod(fresh, 0o600)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(fresh, path)


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
