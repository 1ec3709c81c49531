"""Looking at the rows without a worker: the bare driver, read-only, so that `steward status` costs a third of a second.

Nothing here writes or creates; the worker's own modules beside this one use SQLAlchemy, whose import alone takes longer
than a whole command.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.database import bare

if TYPE_CHECKING:
    from knowledge.ledger import Line

Row = dict[str, Any]
_WORDS = ("who", "what", "why", "ref", "seal", "previous", "hash")

_JSON = ("arguments", "labels", "evidence", "remedies", "receipt", "payload")


class Look:
    """A read-only view of the database at `path`; of one that is not there yet, everything is empty."""

    def __init__(self, path: Path) -> None:
        self._db = bare.connect(path, read_only=True, rows=True, timeout=15) if bare.is_there(path) else None
        if self._db is not None:
            self._db.text_factory = lambda raw: raw.decode("utf-8", "replace")  # a flipped byte is found, not fatal

    def close(self) -> None:
        if self._db is not None:
            self._db.close()

    def __enter__(self) -> Look:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def counts(self) -> Row:
        """How much waits, runs and is remembered; `next_reminder` in ms."""
        found = self._rows(_COUNTS)
        return found[0] if found else dict.fromkeys(_COUNTED, 0) | {"next_reminder": None}

    def open_cards(self) -> list[Row]:
        """Cards that wait for a decision, oldest first."""
        return self._rows("SELECT * FROM card WHERE state='open' ORDER BY made_at")

    def card(self, card_id: str) -> Row | None:
        return next(iter(self._rows("SELECT * FROM card WHERE id=?", card_id)), None)

    def proposals(self, card_id: str) -> list[Row]:
        """What stands on a card, in order."""
        return self._rows("SELECT * FROM proposal WHERE card=? ORDER BY ordinal", card_id)

    def versions(self, proposal: str) -> list[Row]:
        """Everything ever shown for a proposal."""
        return self._rows("SELECT * FROM proposal_version WHERE proposal=? ORDER BY version", proposal)

    def effects(self, turn: str) -> list[Row]:
        return self._rows("SELECT * FROM effect WHERE turn=? ORDER BY made_at, id", turn)

    def failures(self) -> list[Row]:
        """Open failures, the latest first."""
        return self._rows("SELECT * FROM failure WHERE state='open' ORDER BY last_at DESC")

    def paused(self) -> set[str]:
        """Names of agents that are paused."""
        rows = self._rows("SELECT key FROM setting WHERE key LIKE 'paused:%'")
        return {str(row["key"]).partition(":")[2] for row in rows}

    def ledger_backwards(self) -> Iterator[Row]:
        """Every record, the latest first, one at a time."""
        if self._db is not None:
            for row in self._db.execute("SELECT * FROM ledger ORDER BY seq DESC"):
                yield dict(row)

    def whole_ledger(self) -> Iterator[Line | None]:
        """Every record in order, one at a time; None for a row that nobody could have written."""
        from knowledge.ledger import line_of

        if self._db is not None:
            for row in self._db.execute("SELECT * FROM ledger ORDER BY seq"):
                readable = all(isinstance(row[name], str) for name in _WORDS) and isinstance(row["at"], int)
                yield line_of(dict(row)) if readable else None

    def anchors(self) -> list[Row]:
        """Every signed checkpoint of the ledger, oldest first, as `anchor.Anchor` keeps them."""
        rows = self._rows("SELECT value FROM setting WHERE key LIKE 'anchor:%' ORDER BY key")
        return [json.loads(row["value"]) for row in rows]

    def about(self) -> tuple[dict[str, Row], dict[str, Row], dict[str, Row]]:
        """What records refer to: turns, proposals and failures by the id that a record gives."""
        turns = {t["id"]: t for t in self._rows("SELECT id, channel, conversation FROM turn")}
        wanted = self._rows("SELECT id, turn, agent, tool, rendering FROM proposal")
        wrong = {f"f{f['id']}": f for f in self._rows("SELECT id, what, turn FROM failure")}
        return turns, {p["id"]: p for p in wanted}, wrong

    def _rows(self, query: str, *given: object) -> list[Row]:
        if self._db is None:
            return []
        return [_read(dict(row)) for row in self._db.execute(query, given)]


def _read(row: Row) -> Row:
    return {k: json.loads(v) if k in _JSON and isinstance(v, str) else v for k, v in row.items()}


_COUNTED = (
    "open_approvals", "reminders", "messages_waiting", "turns_finished", "failures", "documents", "passages",
)  # fmt: skip
_COUNTS = """
SELECT (SELECT count(*) FROM card WHERE state='open') AS open_approvals,
       (SELECT count(*) FROM timer WHERE state='armed' AND kind='reminder') AS reminders,
       (SELECT min(due_at) FROM timer WHERE state='armed' AND kind='reminder') AS next_reminder,
       (SELECT count(*) FROM delivery WHERE state IN ('new','running')) AS messages_waiting,
       (SELECT count(*) FROM turn WHERE state='done') AS turns_finished,
       (SELECT count(*) FROM failure WHERE state='open') AS failures,
       (SELECT count(*) FROM document WHERE state='current') AS documents,
       (SELECT count(*) FROM chunk JOIN document ON chunk.document=document.id WHERE document.state='current') AS passages
"""
