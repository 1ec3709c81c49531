"""Which database is Steward's own, and the bare driver's way into it: a file of the home, or PostgreSQL where it has a URL.

Kept per process, like the key (`cipher`), so that no place can forget it. What opens by URL answers the few calls of
`sqlite3` that Steward uses and fails with its errors: who stores, looks or catches need not know which one it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from knowledge import cipher

_urls: dict[Path, str] = {}


def serve(path: Path, url: str) -> None:
    """From now on the database `path` of this process is the PostgreSQL at `url`, or the file itself when it is empty."""
    if url:
        _urls[path.absolute()] = url
    else:
        _urls.pop(path.absolute(), None)


def refused(url: str) -> str:
    """Why `url` can't be a database of Steward's, as a sentence without it (it may hold a password); "" when it can."""
    if url and not url.startswith(("postgresql://", "postgres://")):
        return "It is no PostgreSQL URL; one looks like postgresql://steward:password@host/steward."
    if url and find_spec("psycopg") is None:
        return "PostgreSQL needs the extra: pip install 'steward[postgres]'."
    return ""


def url_of(path: Path) -> str:
    """The PostgreSQL URL of the database `path`, "" where it is a file."""
    return _urls.get(path.absolute(), "") if _urls else ""


def left_aside(path: Path) -> str:
    """A sentence about the SQLite file that lies in the home while the truth is on a server; "" without one."""
    if not url_of(path) or not path.exists():
        return ""
    return (
        f"{path} was filled before and is not used: with STEWARD_DATABASE__URL Steward goes by the server alone. "
        "Unset it to have the file back."
    )


def connect(
    path: Path, *, read_only: bool = False, rows: bool = False, pragmas: Sequence[str] = (), **options: Any
) -> sqlite3.Connection:
    """Open the database `path`. `rows` gives rows with names; `pragmas` and `options` are SQLite's. Raises sqlite3.Error."""
    if url := url_of(path):
        from knowledge.database import postgres

        return cast(sqlite3.Connection, postgres.Bare(url, read_only=read_only, rows=rows))
    connection = cipher.connect(path, read_only=read_only, rows=rows, **options)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def is_there(path: Path) -> bool:
    """Whether somebody made it: the file, or the tables behind the URL. Raises sqlite3.Error where no server answers."""
    if not url_of(path):
        return path.exists()
    with closing(connect(path)) as db:
        return db.execute("SELECT to_regclass('alembic_version')").fetchone()[0] is not None
