"""Bring a database to this version's schema. Alembic is imported only when there is something to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from knowledge import cipher

HEAD = "0002"
"""The newest revision; a test holds it against the migrations folder."""


def is_current(path: Path) -> bool:
    """Whether the database at `path` exists and has the newest schema (asked with the bare driver: some 1 ms)."""
    if not path.exists():
        return False
    db = cipher.connect(path, timeout=15)
    try:
        return bool(db.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,))
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return False
        raise
    finally:
        db.close()


def migrate(path: Path) -> None:
    """Apply every missing migration, under a file lock so that two processes starting at once do not race."""
    import fcntl

    from alembic import command
    from alembic.config import Config
    from sqlalchemy import NullPool, create_engine

    with path.with_suffix(".migrate").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(path):
            return
        engine = create_engine("sqlite://", creator=lambda: cipher.connect(path), poolclass=NullPool)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        engine.dispose()


def ensure(path: Path) -> None:
    """Make the home's database usable: create or upgrade it when needed. Raises OSError or sqlite3.Error."""
    if not is_current(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        migrate(path)
