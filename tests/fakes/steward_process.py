"""The real Steward as processes, against a fake Telegram as a process of its own: started, watched, killed, counted.

Nothing is hooked into Steward: a crash is `SIGKILL` to its process group at a moment that is seen from outside, in the
database's rows, in the files, or in the fake server's log.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from knowledge.database import bare
from tests.fakes.telegram_api import TOKEN, TelegramControl
from tests.fakes.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
NEXT_YEAR = datetime.now(UTC).year + 1
"""The processes live by the real clock: a year in a test would one day lie in the past."""


class TelegramProcess:
    """`python -m tests.fakes.telegram_api` with its log file; `do("text", text="hi")` is what a person does."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log_file = folder / "telegram.jsonl"
        command = [sys.executable, "-m", "tests.fakes.telegram_api", "--log", str(self.log_file)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1"), "the fake Telegram did not start"
        self.do = TelegramControl(self.url)
        self._entries: list[dict[str, Any]] = []
        self._read = 0

    def stop(self) -> None:
        self.do.close()
        self._process.kill()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def calls(self, method: str) -> list[dict[str, Any]]:
        """What the server did, from its own log: every call that took effect, answered or not."""
        if self.log_file.exists():
            with self.log_file.open("rb") as log:
                log.seek(self._read)
                new = log.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
            self._entries += [json.loads(line) for line in whole.splitlines()]
        return [e for e in self._entries if e.get("method") == method and "result" in e]

    def sent(self, *fragments: str) -> list[str]:
        """The texts of messages that were posted (never edits) and hold all of `fragments`."""
        texts = [str(call["params"].get("text", "")) for call in self.calls("sendMessage")]
        return [text for text in texts if all(fragment in text for fragment in fragments)]

    def ref(self, *fragments: str) -> int:
        """The id of the newest message posted with all of `fragments`."""
        found = [c for c in self.calls("sendMessage") if all(f in str(c["params"].get("text", "")) for f in fragments)]
        assert found, f"nothing was sent with {fragments}"
        return int(found[-1]["result"]["message_id"])

    def violations(self) -> list[str]:
        found = self.do("violations")
        assert isinstance(found, list)
        return found


class StewardProcess:
    """`python -P -m bot.cli run` on `home`, in a process group of its own. `more` are further environment variables."""

    def __init__(self, home: Path, telegram: str, role: str = "all", more: Mapping[str, str] | None = None) -> None:
        self.home, self.role = home, role
        home.mkdir(parents=True, exist_ok=True)
        self.output = home.parent / f"{home.name}-{role}.log"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("STEWARD_")}
        self.environment = {
            **kept,
            "STEWARD_HOME": str(home),
            "STEWARD_ZONE": "Europe/Zurich",
            "STEWARD_TELEGRAM__TOKEN": TOKEN,
            "STEWARD_TELEGRAM__API_BASE": telegram,
            "STEWARD_TELEGRAM__PRINCIPAL": "42",
            "STEWARD_WORKER__IDLE_S": "0",
            "STEWARD_EMBEDDINGS__PATH": str(home / "no-model"),
            **(more or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._db: sqlite3.Connection | None = None

    # --- life and death ------------------------------------------------------------------------------------------

    def start(self) -> StewardProcess:
        assert self.process is None or self.process.returncode is not None, "still running"
        command = [sys.executable, "-P", "-m", "bot.cli", "run", "--role", self.role]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
        return self

    def kill(self) -> None:
        """`kill -9` to the whole group: receiver and worker at once."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        self._look_away()

    def stop(self) -> int:
        """SIGTERM and a clean end."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.close()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self._look_away()

    def _look_away(self) -> None:
        """The next look opens the database anew: whoever reads its files as bytes lets go of SQLite's locks (fcntl(2)),
        and a start that finds nobody on it makes its write-ahead log a new file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def workers(self) -> list[int]:
        """Process ids of this receiver's workers."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    # --- looking on ----------------------------------------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the real database, read beside the running process; none while there is no database yet."""
        if self._db is None:
            path = self.home / "steward.db"
            bare.serve(path, self.environment.get("STEWARD_DATABASE__URL", ""))
            if not bare.url_of(path) and not path.exists():
                return []
            key = bytes.fromhex(self.environment.get("STEWARD_DATABASE__KEY", "")) or None
            self._db = bare.connect(path, key=key, read_only=True, timeout=10, check_same_thread=False)
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) or "unable to open" in str(error) or _AWAY in str(error):
                self._look_away()
                return []
            raise

    def count(self, query: str, *values: Any) -> int:
        found = self.rows(f"SELECT count(*) FROM {query}", *values)
        return int(found[0][0]) if found else 0

    def until(self, holds: Callable[[], object], what: str, patience: float = PATIENCE_S, every: float = 0.02) -> None:
        """Wait until `holds()`; fails with the state of all queues and the end of the log."""
        ends = time.monotonic() + patience
        while time.monotonic() < ends:
            if holds():
                return
            time.sleep(every)
        raise AssertionError(f"{what}: not within {patience:.0f} s\n{self.state()}\n{self.tail()}")

    def settled(self, telegram: TelegramProcess, patience: float = PATIENCE_S) -> None:
        """Until every update is taken and nothing is left to do but what waits for a decision."""
        self.until(lambda: telegram.do("pending") == 0 and self.quiet(), "Steward did not settle", patience)

    def quiet(self) -> bool:
        now = int(time.time() * 1000)
        found = self.rows(_QUIET, now)
        return bool(found) and not found[0][0]

    def state(self) -> str:
        tables = {
            "delivery": "id, lane, state, attempts, not_before, error", "turn": "id, state, wait",
            "effect": "id, state, attempts, owner, error", "message": "id, key, state, attempts, error",
            "failure": "id, what, state",
        }  # fmt: skip
        return "\n".join(f"{t}: {self.rows(f'SELECT {c} FROM {t} LIMIT 50')}" for t, c in tables.items())

    def tail(self) -> str:
        return self.output.read_text(errors="replace")[-3000:] if self.output.exists() else ""

    # --- what it left --------------------------------------------------------------------------------------------

    def notes(self) -> list[str]:
        folder = self.home / "notes"
        return [path.read_text() for path in sorted(folder.glob("*.md"))] if folder.is_dir() else []

    def events(self) -> list[str]:
        """The SUMMARY of every event in the calendar file."""
        path = self.home / "calendar.ics"
        return re.findall(r"^SUMMARY:(.*?)\r?$", path.read_text(), re.M) if path.exists() else []


_AWAY = "PostgreSQL at STEWARD_DATABASE__URL cannot be used"
_QUIET = """
SELECT EXISTS(SELECT 1 FROM delivery WHERE state IN ('new','running'))
    OR EXISTS(SELECT 1 FROM effect WHERE state IN ('pending','running'))
    OR EXISTS(SELECT 1 FROM message WHERE state IN ('pending','running'))
    OR EXISTS(SELECT 1 FROM timer WHERE state='armed' AND due_at<=?)
    OR EXISTS(SELECT 1 FROM turn WHERE state='running')
    OR EXISTS(SELECT 1 FROM turn WHERE state='waiting'
              AND NOT EXISTS(SELECT 1 FROM card WHERE card.turn=turn.id AND card.state='open'))
"""


@contextmanager
def telegram_process(folder: Path) -> Iterator[TelegramProcess]:
    telegram = TelegramProcess(folder)
    try:
        yield telegram
    finally:
        telegram.stop()


@contextmanager
def steward_process(
    home: Path, telegram: str, role: str = "all", more: Mapping[str, str] | None = None
) -> Iterator[StewardProcess]:
    """A started Steward; whatever happens, its group is gone afterwards."""
    steward = StewardProcess(home, telegram, role, more)
    try:
        yield steward.start()
    finally:
        steward.close()
