"""A real PostgreSQL on a Unix socket in a temporary folder: made, started and stopped by the test that asks for it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from knowledge.database import bare
from knowledge.database.migrate import ensure

PATIENCE_S = 120.0


class NoPostgres(Exception):
    """There is no PostgreSQL server on this machine, or no user to run it as."""


def _tool(name: str) -> str:
    places = [os.environ.get("PATH", ""), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise NoPostgres(f"{name} is not installed")
    return found


def _user() -> dict[str, object]:
    """The server refuses to run as root: then it runs as the user that its package makes."""
    if os.geteuid() != 0:
        return {}
    try:
        who = pwd.getpwnam("postgres")
    except KeyError:
        raise NoPostgres("root must not run it, and there is no user postgres") from None
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


class PostgresServer:
    """`start()` it, `url("name")` a database of it, `stop()` or `kill()` it. Raises `NoPostgres`."""

    def __init__(self) -> None:
        self._postgres, initdb, self._as = _tool("postgres"), _tool("initdb"), _user()
        self.folder = Path(tempfile.mkdtemp(prefix="steward-postgres-"))
        if self._as:
            os.chown(self.folder, int(str(self._as["user"])), int(str(self._as["group"])))
        self.data = self.folder / "data"
        make = [initdb, "-D", str(self.data), "-U", "steward", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(make, check=True, cwd=self.folder, capture_output=True, **self._as)  # type: ignore[call-overload]
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write("fsync = off\n")  # no test pulls the plug of the machine
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def start(self, *options: str) -> PostgresServer:
        """On its socket alone."""
        command = [self._postgres, "-D", str(self.data), "-k", str(self.folder), "-c", "listen_addresses=", *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # type: ignore[call-overload]
                command, cwd=self.folder, stdout=log, stderr=log, **self._as
            )
        ends = time.monotonic() + PATIENCE_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return self
            except psycopg.OperationalError:
                if time.monotonic() > ends or self._process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text()) from None
            time.sleep(0.02)

    def migrate(self) -> None:
        """Make the database `current`, a template for `fresh`."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute("CREATE DATABASE current")
        path = self.folder / "steward.db"
        bare.serve(path, self.url("current"))
        ensure(path)
        bare.serve(path, "")

    def url(self, name: str) -> str:
        return f"postgresql://steward@/{name}?host={quote(str(self.folder), safe='')}"

    def fresh(self, template: str = "template0") -> str:
        """The URL of a new database, empty or a copy of `template` (to which nobody may be connected)."""
        self._made += 1
        name = f"steward_{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")  # type: ignore[arg-type]
        return self.url(name)

    def kill(self) -> None:
        """At once, as by a power cut; `start()` again recovers."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        self._end(signal.SIGQUIT)  # nothing of it is kept, so nothing need be written
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_S)
        self._process = None
