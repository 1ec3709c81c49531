"""The receiver's slim way in: stores deliveries and fires timers with the bare driver, one synced commit each time.

The receiver idles all day, so this imports nothing but the standard library and the door; the worker uses `inbox` instead.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.chain import GENESIS, Entry, line_hash, storable
from knowledge.database import bare
from knowledge.database.door import Door

BUSY_S = 15.0
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "cache_size=-500")
KNOCK_S = 0.0005
"""Between two tries to begin while another process writes: SQLite's own patience sleeps up to 100 ms, and is overtaken."""
OWN_CHATS = ("telegram", "whatsapp")
"""Where a person's id is also the conversation with them."""

ON_ITS_WAY = "on its way"
REPORT = b"\x00steward-report "
"""Opens the raw bytes of a report that somebody must act on: no platform's delivery can begin like this."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery ready to be stored. `dedupe_key` is the platform's id; `lane` is turn or control."""

    channel: str
    account: str
    dedupe_key: str
    conversation: str
    sender: str
    lane: str
    raw: bytes


class Intake:
    """Opens the database at `path`; raises sqlite3.Error when it can't be written."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()  # callers may be threads: closing in the middle of a commit would be fatal
        own: dict[str, Any] = {"timeout": BUSY_S, "isolation_level": None, "check_same_thread": False}
        self._db = bare.connect(path, pragmas=_PRAGMAS, **own)
        self._storing = threading.Lock()
        self._store_db = bare.connect(path, pragmas=(*_PRAGMAS, "busy_timeout=0"), **own)
        self._door = Door(path)

    def close(self) -> None:
        with self._storing, self._lock:
            self._db.close()
            self._store_db.close()
            self._door.close()

    def accept(self, arrivals: Iterable[Arrival], now: int) -> list[int]:
        """Store each under UNIQUE(channel, account, dedupe_key); the ids of those that were new. Synced on return.

        May run in a thread.
        """
        rows = [
            (a.channel, a.account, _clean(a.dedupe_key), _clean(a.conversation), _clean(a.sender), a.lane, a.raw, now)
            for a in arrivals
        ]
        with self._first() as db:
            stored = [_insert(db, row) for row in rows]
        return [row for row in stored if row is not None]

    def report(
        self, channel: str, ref: str, status: str, error: int, outcome: str, over: Iterable[str], now: int
    ) -> bool:
        """Note what became of message `ref`, once and whatever the order; whether a worker must act on it."""
        with self._first() as db:
            known = db.execute("SELECT status FROM report WHERE channel=? AND ref=?", (channel, ref)).fetchone()
            if known is not None and known[0] not in over:
                return False
            db.execute(_REPORT, (channel, ref, status, error, outcome, now))
            if outcome == ON_ITS_WAY:
                return False
            raw = REPORT + json.dumps({"ref": ref, "status": status, "error": error, "outcome": outcome}).encode()
            return _insert(db, (channel, "", f"report:{ref}", "", "", "control", raw, now)) is not None

    def offers_buttons(self, channel: str, conversation: str) -> bool:
        """Whether one of the last messages said here has buttons."""
        return self._ask(_OFFERS, (channel, conversation)) is not None

    @contextmanager
    def _first(self) -> Iterator[sqlite3.Connection]:
        """One synced transaction, before every worker's writing (`Door`). May run in a thread."""
        with self._storing, self._door.held():
            self._begin()
            try:
                yield self._store_db
                self._store_db.execute("COMMIT")
            except BaseException:
                if self._store_db.in_transaction:
                    self._store_db.execute("ROLLBACK")
                raise

    def _begin(self) -> None:
        ends = time.monotonic() + BUSY_S
        while True:
            try:
                self._store_db.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                    raise
            time.sleep(KNOCK_S)

    def has_open_card(self) -> bool:
        return self._ask("SELECT 1 FROM card WHERE state='open' LIMIT 1") is not None

    def expects_reply(self, channel: str, conversation: str, now: int) -> bool:
        """Whether the next text of this conversation answers a question of a card (an edit)."""
        key = f"edit:{channel}:{conversation}"
        row = self._ask("SELECT expires_at FROM setting WHERE key=?", (key,))
        return row is not None and (row[0] is None or row[0] > now)

    def open_proposal(self, card: str, version: int, nonce: str, item: int) -> tuple[str, str] | None:
        """(arguments, labels) of a card's proposal, while it is open and the card is of this version."""
        found = self._ask(_OPEN_PROPOSAL, (card, version, nonce, item, item))
        return (str(found[0]), str(found[1])) if found is not None else None

    def link_configured(self, principals: Mapping[str, str], now: int | None = None) -> None:
        """Accounts (channel → id) that the operator wrote into the settings are the principal's without a code."""
        at = int(time.time() * 1000) if now is None else now
        for channel, external in principals.items():
            if not self.is_principal(channel, external):
                conversation = external if channel in OWN_CHATS else None
                self._db.execute(_LINK, (channel, external, conversation, at))

    def is_principal(self, channel: str, sender: str) -> bool:
        query = "SELECT 1 FROM identity WHERE channel=? AND external=? AND standing='principal'"
        return self._ask(query, (channel, sender)) is not None

    def is_at_work(self, channel: str, account: str, dedupe_key: str) -> bool:
        """Whether a delivery waits for its turn or is worked on; one that asked by a card, answered or broke is not."""
        query = "SELECT 1 FROM delivery WHERE channel=? AND account=? AND dedupe_key=? AND state IN ('new','running')"
        return self._ask(query, (channel, account, dedupe_key)) is not None

    def mark_confirmed(self, channel: str, account: str, dedupe_key: str) -> None:
        """The press was confirmed to its platform already: the worker answers with a message instead."""
        query = "UPDATE delivery SET confirmed=1 WHERE channel=? AND account=? AND dedupe_key=? AND state='new'"
        self._db.execute(query, (channel, account, dedupe_key))

    def next_due(self) -> int | None:
        """When the next armed timer is due (ms), or None."""
        due: int | None = self._ask("SELECT min(due_at) FROM timer WHERE state='armed'")[0]
        return due

    def fire_due(self, now: int) -> int:
        """Turn every due timer into its synthetic delivery, exactly once; how many were fired."""
        if (due := self.next_due()) is None or due > now:
            return 0
        with self._first() as db:
            query = "SELECT id, kind, due_at, occurrence FROM timer WHERE state='armed' AND due_at<=? ORDER BY due_at"
            rows = db.execute(query, (now,)).fetchall()
            for timer, kind, due_at, occurrence in rows:
                raw = json.dumps({"timer": timer, "kind": kind, "due_at": due_at, "occurrence": occurrence}).encode()
                lane = "control" if kind.startswith(("card_", "house_")) else "turn"
                _insert(db, ("timer", "", f"{timer}:{occurrence}", f"timer:{timer}", "", lane, raw, now))
                db.execute("UPDATE timer SET state='fired' WHERE id=?", (timer,))
        return len(rows)

    def work_waits(self, now: int) -> bool:
        """Whether a worker would find something to do: deliveries, effects, messages that are not held."""
        return any(self._ask(query, (now,)) for query in _WORK)

    def counts(self) -> dict[str, int]:
        """How much waits in each queue, for /metrics."""
        return {name: int(self._ask(query)[0]) for name, query in _COUNTS.items()}

    def record_failure(self, key: str, what: str, done: str, not_done: str, now: int) -> bool:
        """Note a failure that the receiver itself found; whether it is new (and must be told)."""
        with self._first() as db:
            return _note_failure(db, key, what, done, not_done, now)

    def record_refusal(self, entry: Entry, key: str, what: str, not_done: str, now: int) -> None:
        """An outgoing call of the receiver was refused: a record of the ledger and a failure that counts, in one commit.

        May run in a thread.
        """
        with self._first() as db:
            _append(db, now, entry)
            _note_failure(db, key, what, "", not_done, now, _LEAVE_IT)

    def principal_conversations(self) -> list[tuple[str, str]]:
        """(channel, conversation) of every linked account of the principal, in the order in which urgent alerts try them."""
        query = "SELECT channel, conversation FROM identity WHERE standing='principal' AND conversation IS NOT NULL"
        linked = list(self._db.execute(query + " ORDER BY made_at DESC"))
        kept = self._ask("SELECT value FROM setting WHERE key='profile:escalation'")
        rules = json.loads(kept[0]) if kept else {"urgent": [], "order": []}
        wanted = [*rules["urgent"], *rules["order"]]
        return sorted(linked, key=lambda one: wanted.index(one[0]) if one[0] in wanted else len(wanted))

    def _ask(self, query: str, parameters: tuple[object, ...] = ()) -> Any:
        """The first row, or None."""
        with self._lock:
            return self._db.execute(query, parameters).fetchone()


def _insert(db: sqlite3.Connection, row: tuple[object, ...]) -> int | None:
    stored = db.execute(_STORE, row).fetchone()
    return int(stored[0]) if stored else None


def _note_failure(
    db: sqlite3.Connection, key: str, what: str, done: str, not_done: str, now: int, remedies: str = "[]"
) -> bool:
    """Whether it is new, or open again."""
    known = db.execute("SELECT id FROM failure WHERE dedupe_key=? AND state='open'", (key,)).fetchone()
    if known:
        db.execute("UPDATE failure SET count=count+1, last_at=? WHERE id=?", (now, known[0]))
        return False
    kept = db.execute(_NOTE_FAILURE, (key, what, done, not_done, remedies, now, now)).fetchone()
    _append(db, now, Entry("system", "failure.opened", key.partition(":")[0], f"f{kept[0]}"))
    return True


def _append(db: sqlite3.Connection, at: int, entry: Entry) -> None:
    """A record without content at the end of the ledger, as `ledger.append` writes it."""
    entry = storable(entry)
    seq, previous = db.execute("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1").fetchone() or (0, GENESIS)
    own = line_hash(seq + 1, at, entry, previous)
    row = (seq + 1, at, entry.who, entry.what, entry.why, entry.ref, "", previous, own)
    db.execute("INSERT INTO ledger(seq, at, who, what, why, ref, seal, previous, hash) VALUES(?,?,?,?,?,?,?,?,?)", row)


def _clean(text: str) -> str:
    """A platform's JSON may hold halves of characters, which no database takes."""
    return text.encode("utf-8", "replace").decode()


_STORE = """
INSERT INTO delivery(channel, account, dedupe_key, conversation, sender, lane, raw, received_at,
                     state, attempts, not_before, confirmed)
VALUES(?,?,?,?,?,?,?,?,'new',0,0,0) ON CONFLICT(channel, account, dedupe_key) DO NOTHING RETURNING id
"""

_REPORT = """
INSERT INTO report(channel, ref, status, error, outcome, at) VALUES(?,?,?,?,?,?)
ON CONFLICT(channel, ref) DO UPDATE SET status=excluded.status, error=excluded.error, outcome=excluded.outcome, at=excluded.at
"""

_OFFERS = """
SELECT 1 FROM
(SELECT body FROM message WHERE channel=? AND conversation=? AND state='sent' ORDER BY id DESC LIMIT 20) AS latest
WHERE instr(body, '"buttons"') > 0 LIMIT 1
"""

_COUNTS = {
    "deliveries_waiting": "SELECT count(*) FROM delivery WHERE state IN ('new','running')",
    "effects_waiting": "SELECT count(*) FROM effect WHERE state IN ('pending','running')",
    "messages_waiting": "SELECT count(*) FROM message WHERE state IN ('pending','running')",
    "cards_open": "SELECT count(*) FROM card WHERE state='open'",
    "failures_open": "SELECT count(*) FROM failure WHERE state='open'",
}

_OPEN_PROPOSAL = """
SELECT p.arguments, p.labels FROM card c JOIN proposal p ON p.card=c.id
WHERE c.id=? AND c.version=? AND c.nonce=? AND c.state='open' AND p.state='open' AND (?=0 OR p.ordinal=?)
ORDER BY p.ordinal LIMIT 1
"""

_LINK = """
INSERT INTO identity(channel, account, external, standing, conversation, made_at) VALUES(?,'',?,'principal',?,?)
ON CONFLICT(channel, account, external) DO UPDATE SET standing='principal'
"""

_NOTE_FAILURE = """
INSERT INTO failure(dedupe_key, what, done, not_done, remedies, state, count, since, last_at)
VALUES(?,?,?,?,?,'open',1,?,?)
ON CONFLICT(dedupe_key) DO UPDATE SET what=excluded.what, done=excluded.done, not_done=excluded.not_done, state='open',
remedies=excluded.remedies, count=failure.count+1, since=excluded.since, last_at=excluded.last_at
RETURNING id
"""

_LEAVE_IT = '[{"label":"Leave it","ref":"","verb":"dismiss"}]'

_WORK = (
    "SELECT 1 FROM delivery WHERE state IN ('new','running') AND not_before<=? LIMIT 1",
    "SELECT 1 FROM effect WHERE state IN ('pending','running') AND not_before<=? LIMIT 1",
    "SELECT 1 FROM message WHERE state IN ('pending','running') AND channel<>'console' AND not_before<=? LIMIT 1",
)
