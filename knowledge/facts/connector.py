"""A connector that asserts what it knows: each statement signed with a key of the house, ended when it is no longer made."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from knowledge.database.engine import Tx
from knowledge.facts import store
from knowledge.facts.assertion import Issuers, sign
from knowledge.facts.words import Claim, Fact, key, norm
from knowledge.ids import digest
from knowledge.keys import seed_of
from knowledge.store import settings


@dataclass(frozen=True, slots=True)
class Asserter:
    """The voice of one connector. Its key is made from the home's secret, which lies sealed as the ledger's does."""

    issuer: str
    _private: bytes = field(repr=False)

    @classmethod
    def of_home(cls, home: Path, issuer: str) -> Asserter:
        """Raises `KeyTrouble`."""
        return cls(issuer, hmac.digest(seed_of(home), f"steward: assertions of {issuer}".encode(), "sha256"))

    @property
    def issuers(self) -> Issuers:
        """What others need to check what it signed."""
        return {self.issuer: Ed25519PrivateKey.from_private_bytes(self._private).public_key().public_bytes_raw()}

    async def level(self, tx: Tx, wanted: Sequence[Claim], *, now: int, new_id: Callable[[], str]) -> int:
        """Assert what is new in `wanted`, all that the connector knows now, and end what is missing. How many changed.

        What was asserted before and is still known is let be, whatever the principal made of it; what has been tampered
        with since is asserted anew.
        """
        public = base64.b64encode(self.issuers[self.issuer]).decode()
        place = f"asserted:{self.issuer}"
        before = await settings.get(tx, place) or {}
        known = set(before.get("marks", ())) if before.get("key") == public else set()
        broken = {_mark(f) for f in await store.asserted_by(tx, self.issuer) if f.state == "quarantined"}
        marked = {digest([key(c.subject), key(c.predicate), norm(c.value)])[:24]: c for c in wanted}
        fresh = {mark: claim for mark, claim in marked.items() if mark not in known - broken}
        for mark, claim in fresh.items():
            signed = sign(replace(claim, valid_from=now), self.issuer, f"{mark}:{now}", self._private)
            await store.tell(tx, signed, now=now, new_id=new_id, issuers=self.issuers)
        standing = [f for f in await store.asserted_by(tx, self.issuer) if f.state != "quarantined"]
        gone = [f for f in standing if _mark(f) not in marked]
        for f in gone:
            await store.end(tx, f, at=now, now=now, id=new_id())
        if fresh or gone or known != set(marked):
            await settings.put(tx, place, {"key": public, "marks": sorted(marked)})
        return len(fresh) + len(gone)


def _mark(f: Fact) -> str:
    return f.nonce.partition(":")[0]
