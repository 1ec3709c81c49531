"""The ledger: an append-only, hash-chained narrative of who did what and why, written with the state it tells of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, insert, select

from knowledge.database import Tx
from knowledge.database.schema import ledger
from knowledge.ids import digest

GENESIS = "0" * 64
_NOT_A_PERSON = re.compile(r"(policy|expiry|system|agent:[a-z0-9_-]+)\Z")
SEALER = "sealer"
"""Where a transaction keeps the home's keyed hash (`Tx.info`): content → hex."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `who` is principal, policy, expiry, system or agent:<name>; `what` a dotted verb; `ref` the row it tells of.

    Never holds content or a secret: `why` names rules, commands and reasons (the principal's: `channel:account`), `ref`
    leads to the rows. Of `content` a keyed hash alone is written, so that it can be forgotten and the line still holds.
    """

    who: str
    what: str
    why: str
    ref: str
    content: str | bytes = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as written: `hash` covers everything before it through `previous`."""

    seq: int
    at: int
    entry: Entry
    previous: str
    hash: str
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first record that does not fit the chain."""

    seq: int
    reason: str


def line_hash(seq: int, at: int, entry: Entry, previous: str, seal: str = "") -> str:
    """SHA-256 over the canonical JSON list of all fields and the previous hash."""
    return digest([seq, at, entry.who, entry.what, entry.why, entry.ref, seal, previous])


async def append(tx: Tx, at: int, *entries: Entry) -> None:
    """Add `entries` in order at the time `at` (ms), in the caller's transaction.

    Raises ValueError for one that does not say who it was: the principal's names the channel and the account.
    """
    head = (await tx.execute(select(ledger.c.seq, ledger.c.hash).order_by(ledger.c.seq.desc()).limit(1))).first()
    seq, previous = (head.seq, head.hash) if head else (0, GENESIS)
    rows = []
    for entry in entries:
        if not (_NOT_A_PERSON.match(entry.who) or (entry.who == "principal" and ":" in entry.why)):
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
        await tx.execute(insert(ledger), rows)


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


def check(found: Sequence[Line], previous: str = GENESIS, seq: int = 0) -> Broken | None:
    """Walk the chain from `previous`: the first record that is missing, moved or changed, or None when all hold."""
    for line in found:
        if line.seq != seq + 1:
            return Broken(seq + 1, f"record {seq + 1} is missing: {line.seq} follows {seq}")
        if line.previous != previous:
            return Broken(line.seq, f"record {line.seq} does not follow the one before it")
        if line.hash != line_hash(line.seq, line.at, line.entry, line.previous, line.seal):
            return Broken(line.seq, f"record {line.seq} was changed after it was written")
        previous, seq = line.hash, line.seq
    return None
