"""The chain of the ledger by itself: what a record holds, how one follows another, and whether a row of them holds.

Without a database, so that the receiver can write a record with the bare driver.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from knowledge.ids import digest

GENESIS = "0" * 64
_NOT_A_PERSON = re.compile(r"(policy|expiry|system|agent:[a-z0-9_-]+)\Z")


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


def storable(entry: Entry) -> Entry:
    """`entry` as every database gives it back: PostgreSQL has no NUL, and what is hashed must be what is kept."""
    if "\0" not in entry.why + entry.ref:
        return entry
    return replace(entry, why=entry.why.replace("\0", "\ufffd"), ref=entry.ref.replace("\0", "\ufffd"))


def line_hash(seq: int, at: int, entry: Entry, previous: str, seal: str = "") -> str:
    """SHA-256 over the canonical JSON list of all fields and the previous hash."""
    return digest([seq, at, entry.who, entry.what, entry.why, entry.ref, seal, previous])


def names_somebody(entry: Entry) -> bool:
    """Whether the record says who it was; the principal's names the channel and the account."""
    return bool(_NOT_A_PERSON.match(entry.who)) or (entry.who == "principal" and ":" in entry.why)


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
