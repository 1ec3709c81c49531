"""The ledger: an append-only, hash-chained narrative of who did what and why, written with the state it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from knowledge.database import Tx
from knowledge.database.schema import ledger
from knowledge.ids import digest

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `who` is principal, policy, expiry, system or agent:<name>; `what` a dotted verb; `ref` the row it tells of.

    Never holds content or a secret: `why` names rules, commands and reasons, `ref` leads to the rows.
    """

    who: str
    what: str
    why: str
    ref: str


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as written: `hash` covers everything before it through `previous`."""

    seq: int
    at: int
    entry: Entry
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first record that does not fit the chain."""

    seq: int
    reason: str


def line_hash(seq: int, at: int, entry: Entry, previous: str) -> str:
    """SHA-256 over the canonical JSON list of all fields and the previous hash."""
    return digest([seq, at, entry.who, entry.what, entry.why, entry.ref, previous])


async def append(tx: Tx, at: int, *entries: Entry) -> None:
    """Add `entries` in order at the time `at` (ms), in the caller's transaction."""
    head = (await tx.execute(select(ledger.c.seq, ledger.c.hash).order_by(ledger.c.seq.desc()).limit(1))).first()
    seq, previous = (head.seq, head.hash) if head else (0, GENESIS)
    rows = []
    for entry in entries:
        seq += 1
        own = line_hash(seq, at, entry, previous)
        rows.append(
            {"seq": seq, "at": at, "who": entry.who, "what": entry.what, "why": entry.why, "ref": entry.ref}
            | {"previous": previous, "hash": own}
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
    return [Line(r.seq, r.at, Entry(r.who, r.what, r.why, r.ref), r.previous, r.hash) for r in rows]


async def count(tx: Tx) -> int:
    return int((await tx.execute(select(func.count()).select_from(ledger))).scalar_one())


def check(found: Sequence[Line], previous: str = GENESIS, seq: int = 0) -> Broken | None:
    """Walk the chain from `previous`: the first record that is missing, moved or changed, or None when all hold."""
    for line in found:
        if line.seq != seq + 1:
            return Broken(seq + 1, f"record {seq + 1} is missing: {line.seq} follows {seq}")
        if line.previous != previous:
            return Broken(line.seq, f"record {line.seq} does not follow the one before it")
        if line.hash != line_hash(line.seq, line.at, line.entry, line.previous):
            return Broken(line.seq, f"record {line.seq} was changed after it was written")
        previous, seq = line.hash, line.seq
    return None
