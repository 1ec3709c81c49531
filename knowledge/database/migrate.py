"""Bring a database to this version's schema. Alembic is imported only when there is something to do."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from knowledge import cipher
from knowledge.database import bare

HEAD = "0002"
"""The newest revision; a test holds it against the migrations folder."""


def is_current(path: Path) -> bool:
    """Whether the database at `path` exists and has the newest schema (asked with the bare driver: some 1 ms)."""
    if not bare.is_there(path):
        return False
    db = bare.connect(path, timeout=15)
    try:
        return bool(db.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,))
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return False
        raise
    finally:
        db.close()


def migrate(path: Path) -> None:
    """Apply every missing migration, under a lock so that two processes starting at once do not race."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with _alone(path) as connection:
        if is_current(path):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextmanager
def _alone(path: Path) -> Iterator[Any]:
    """SQLAlchemy's connection to migrate by, while nobody else migrates."""
    from sqlalchemy import NullPool, create_engine

    with path.with_suffix(".migrate").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if url := bare.url_of(path):
            from knowledge.database import postgres

            engine = create_engine("postgresql+psycopg://", creator=lambda: postgres.plain(url), poolclass=NullPool)
            begin = postgres.ALONE
        else:
            engine = create_engine("sqlite://", creator=lambda: cipher.connect(path), poolclass=NullPool)
            begin = "PRAGMA journal_mode=WAL"
        with engine.connect() as connection:
            connection.exec_driver_sql(begin)
            connection.commit()
            yield connection
        engine.dispose()


def ensure(path: Path) -> None:
    """Make the home's database usable: create or upgrade it when needed. Raises OSError or sqlite3.Error."""
    if not is_current(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        migrate(path)
