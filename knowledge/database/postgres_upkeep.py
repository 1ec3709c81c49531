"""What is done to a PostgreSQL now and then: looked at by `doctor`, written anew after forgetting, dumped and filled."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo, errors, sql

from knowledge.database.postgres import CONNECT_S, SESSION, as_sqlite, plain


def health(url: str) -> tuple[str, bool, str]:
    """What `doctor` tells of the server: a sentence, whether all is well, and the next step. Raises sqlite3.Error."""
    with as_sqlite(), plain(url) as db:
        found = db.execute(_HEALTH).fetchone()
    assert found is not None
    version, size, encoding, fsync, pages, owned = found
    told = f"The database is PostgreSQL {version.split()[0]} ({size / 1e6:.1f} MB)"
    if encoding != "UTF8":
        return f"{told}, and holds {encoding} alone.", False, "Make its database anew with ENCODING 'UTF8'."
    if (fsync, pages) != ("on", "on"):
        step = "Set fsync and full_page_writes to on in postgresql.conf: until then a power cut may lose deliveries."
        return f"{told}, and does not sync what it writes.", False, step
    if not owned:
        step = "`ALTER DATABASE … OWNER TO` the user of STEWARD_DATABASE__URL: else what is forgotten may stay in statistics."
        return f"{told}, and belongs to another user.", False, step
    return f"{told}; every commit is synced. Its disk is the server's to encrypt.", True, ""


_HEALTH = """
SELECT current_setting('server_version'), pg_database_size(current_database()), pg_encoding_to_char(encoding),
       current_setting('fsync'), current_setting('full_page_writes'), pg_has_role(datdba, 'MEMBER')
FROM pg_database WHERE datname = current_database()
"""


# ── forgetting ───────────────────────────────────────────────────────────────────────────────────────────────────────


def rewrite(url: str) -> None:
    """Write every table of Steward's and the planner's statistics anew, so that no page of them holds what was deleted.

    The server's write-ahead log goes its own way: it is written over when the server has no more use for it. Raises
    TimeoutError while a snapshot is open that still sees what was deleted: call again later.
    """
    with as_sqlite(), psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_S) as db:
        db.execute(SESSION)
        row = db.execute("SELECT pg_current_xact_id()::xid::text").fetchone()
        assert row is not None
        for _ in range(_ROUNDS):
            if db.execute(_OLDER, row).fetchone() is None:
                break
            time.sleep(_ROUND_S)
        else:
            raise TimeoutError("The database is being read: it could not be written anew yet.")
        tables = [
            str(name) for (name,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        ]
        try:
            for table in tables:
                db.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(table)))
            db.execute("VACUUM FULL pg_statistic")
        except (errors.LockNotAvailable, errors.DeadlockDetected) as busy:
            raise TimeoutError("The database is in use: it could not be written anew yet.") from busy
        with suppress(errors.InsufficientPrivilege):
            db.execute("CHECKPOINT")  # the tables' old files go now


_ROUNDS, _ROUND_S = 40, 0.1
_OLDER = """
SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
AND backend_xmin IS NOT NULL AND age(backend_xmin) > age(%s::xid) LIMIT 1
"""


# ── backups ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def dump(url: str, into: Path) -> None:
    """One consistent snapshot of the database, beside whoever writes. Raises OSError with a sentence."""
    _tool("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={into}")


def fill(url: str, dump: Path) -> None:
    """Put a dump into an empty database, all of it or nothing. Raises OSError with a sentence."""
    _tool("pg_restore", url, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(dump))


def is_empty(url: str) -> bool:
    """Whether no Steward made tables there. Raises sqlite3.Error."""
    with as_sqlite(), plain(url) as db:
        return db.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,)


def read_through(dump: Path) -> None:
    """Every byte of a dump is read and unpacked. Raises OSError with a sentence."""
    _tool("pg_restore", "", f"--file={os.devnull}", str(dump))


def _tool(name: str, url: str, *arguments: str) -> None:
    """The password goes by the environment: arguments are seen by everybody on the machine."""
    environment, target = dict(os.environ), list[str]()
    if url:
        known: dict[str, Any] = conninfo.conninfo_to_dict(url)
        if password := known.pop("password", None):
            environment["PGPASSWORD"] = str(password)
        target = [f"--dbname={conninfo.make_conninfo('', **known)}"]
    try:
        done = subprocess.run([name, *target, *arguments], env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise OSError(
            f"{name} is not on the PATH; it comes with PostgreSQL's client tools, of the server's version"
        ) from None
    if done.returncode != 0:
        raise OSError(f"{name} says: {done.stderr.strip()[-500:]}")
