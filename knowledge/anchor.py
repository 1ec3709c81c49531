"""The ledger's Merkle tree in the database, and its signed checkpoints.

Tamper-evident up to the last checkpoint that was delivered to the principal's chat: whoever owns the machine can cut off
or rewrite what came after it, and nothing before.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from knowledge import ledger
from knowledge.audit import leaf_of
from knowledge.database import Tx
from knowledge.merkle import Frontier, leaf_hash
from knowledge.signing import SigningKey, notes_in
from knowledge.store import settings

_FRONTIER, _ANCHOR = "merkle:frontier", "anchor:"
_BATCH = 5_000


class LedgerBroken(Exception):
    """A record was changed after it was written: nothing is signed over it. Run `steward audit verify`."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A signed checkpoint: how many records it covers, its note, when it was made (ms) and where it was delivered."""

    size: int
    note: str
    at: int
    delivered: str = ""


async def checkpoint(tx: Tx, key: SigningKey, now: int) -> Anchor | None:
    """Take the records since the last checkpoint into the tree and sign it; None when there are none.

    Raises `LedgerBroken` when those records do not follow one another: a broken log is never signed.
    """
    tree, previous = await _tree(tx)
    before = tree.size
    while found := await ledger.lines(tx, after=tree.size, limit=_BATCH):
        broken = ledger.check(found, previous, tree.size)
        if broken is not None:
            raise LedgerBroken(f"{broken.reason}. {LedgerBroken.__doc__}")
        for line in found:
            tree.add(leaf_hash(leaf_of(line)))
        previous = found[-1].hash
    if tree.size == before:
        return None
    anchor = Anchor(tree.size, key.sign(tree.size, tree.root()), now)
    await settings.put(tx, _FRONTIER, [tree.size, previous, [peak.hex() for peak in tree.peaks]])
    await _keep(tx, anchor)
    return anchor


async def delivered(tx: Tx, size: int, where: str, now: int) -> None:
    """Note that the checkpoint of this size now stands in the principal's chat; a line of the ledger says so, once."""
    known = await settings.get(tx, _key(size))
    if known is not None and known["delivered"] != where:
        await _keep(tx, Anchor(**{**known, "delivered": where}))
        await ledger.append(tx, now, ledger.Entry("system", "ledger.anchored", f"{size} records", where))


async def anchors(tx: Tx) -> list[Anchor]:
    """Every checkpoint, oldest first."""
    found = await settings.under(tx, _ANCHOR, 0)
    return [Anchor(**found[name]) for name in sorted(found)]


async def latest(tx: Tx) -> Anchor | None:
    """The newest checkpoint."""
    every = await anchors(tx)
    return every[-1] if every else None


async def _tree(tx: Tx) -> tuple[Frontier, str]:
    """The tree as of the last checkpoint, and the hash of its last record."""
    kept = await settings.get(tx, _FRONTIER)
    if kept is None:
        return Frontier(), ledger.GENESIS
    size, previous, peaks = kept
    return Frontier(size, [bytes.fromhex(peak) for peak in peaks]), previous


def _key(size: int) -> str:
    return f"{_ANCHOR}{size:012d}"


async def _keep(tx: Tx, anchor: Anchor) -> None:
    assert next(notes_in(anchor.note), None) is not None
    await settings.put(tx, _key(anchor.size), asdict(anchor))
