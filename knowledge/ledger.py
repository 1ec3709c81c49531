"""The ledger: an append-only, hash-chained narrative of who did what and why, written with the state it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, insert, select

from knowledge.chain import GENESIS, Broken, Entry, Line, check, line_hash, names_somebody, storable
from knowledge.database import Tx
from knowledge.database.schema import ledger

__all__ = [
    "GENESIS", "SEALER", "Broken", "Entry", "Line", "append", "check", "last", "line_hash", "line_of", "lines", "size",
]  # fmt: skip

SEALER = "sealer"
"""Where a transaction keeps the home's keyed hash (`Tx.info`): content → hex."""


_ADD = insert(ledger)
_HEAD = select(ledger.c.seq, ledger.c.hash).order_by(ledger.c.seq.desc()).limit(1)


async def append(tx: Tx, at: int, *entries: Entry) -> None:
    """Add `entries` in order at the time `at` (ms), in the caller's transaction.

    Raises ValueError for one that does not say who it was: the principal's names the channel and the account.
    """
    head = (await tx.execute(_HEAD)).first()
    seq, previous = (head.seq, head.hash) if head else (0, GENESIS)
    rows = []
    for entry in map(storable, entries):
        if not names_somebody(entry):
            raise ValueError(f"{entry.what}: {entry.who} ({entry.why}) does not say who it was")
        seq += 1
        seal = tx.info[SEALER](entry.content) if entry.content else ""
        own = line_hash(seq, at, entry, previous, seal)
        rows.append(
            {"seq": seq, "at": at, "who": entry.who, "what": entry.what, "why": entry.why, "ref": entry.ref}
            | {"seal": seal, "previous": previous, "hash": own}
        )
        previous = own
    if rows:
        await tx.execute(_ADD, rows)


async def lines(tx: Tx, *, after: int = 0, limit: int = 1000, ref: str = "") -> list[Line]:
    """Records with seq > `after`, oldest first; with `ref`, those whose reference is or begins with it."""
    query = select(ledger).where(ledger.c.seq > after).order_by(ledger.c.seq).limit(limit)
    if ref:
        query = query.where((ledger.c.ref == ref) | ledger.c.ref.startswith(ref + ".", autoescape=True))
    rows = (await tx.execute(query)).all()
    return [line_of(dict(row._mapping)) for row in rows]


def line_of(row: Mapping[str, Any]) -> Line:
    """A row of the table, as it stands."""
    entry = Entry(row["who"], row["what"], row["why"], row["ref"])
    return Line(row["seq"], row["at"], entry, row["previous"], row["hash"], row["seal"])


async def last(tx: Tx, what: str, *, before: int) -> Line | None:
    """The last record of this verb with a smaller number than `before`."""
    query = select(ledger).where(ledger.c.what == what, ledger.c.seq < before).order_by(ledger.c.seq.desc()).limit(1)
    row = (await tx.execute(query)).first()
    return line_of(dict(row._mapping)) if row else None


async def size(tx: Tx) -> int:
    """The number of the last record."""
    return int((await tx.execute(select(func.max(ledger.c.seq)))).scalar_one() or 0)
