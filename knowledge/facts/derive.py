"""Facts out of documents: the principal's own notes are their word, everything else at most an unconfirmed fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from email.utils import parseaddr

from knowledge.database.engine import Tx
from knowledge.documents.store import NewDocument
from knowledge.facts import store
from knowledge.facts.says import ME, statements
from knowledge.facts.words import DAY, Authority, Claim, Evidence, key, norm
from knowledge.ids import random_id

KEPT_DAYS: dict[Authority, int | None] = {"principal": None, "document": 365, "web": 90}
"""How long an unanswered question about a fact stays open."""

_SILENT = frozenset({"turn"})
"""Sources that tell nothing new: what was said in a chat was told when it was said."""


def authority_of(new: NewDocument) -> Authority:
    if new.source == "note" and new.integrity == "principal":
        return "principal"
    return "web" if new.source == "web" else "document"


async def learn(tx: Tx, new: NewDocument, id: int, *, former: int | None, now: int, zone: tzinfo) -> int:
    """Tell what a document states, and withdraw what its former version alone stated. Returns how many statements."""
    if new.source in _SILENT:
        return 0
    authority = authority_of(new)
    at = datetime.fromtimestamp(new.dated_at / 1000, UTC).astimezone(zone)
    found = list(statements(new.text, at, zone, known_only=authority != "principal"))
    if authority != "principal":
        writer = key(parseaddr(str(new.meta.get("from", "")))[0])
        found = [s if s.subject != ME else replace(s, subject=writer) for s in found if s.subject != ME or writer]
    kept = {(s.subject, s.predicate, norm(s.value)) for s in found}
    await withdraw(tx, [former] if former else [], now=now, kept=kept, heir=id, readers=new.readers)
    days = KEPT_DAYS[authority]
    for s in found:
        claim = Claim(
            s.subject, s.predicate, s.value, authority,
            valid_from=min(new.dated_at, now) if s.valid_from is None else s.valid_from, valid_to=s.valid_to,
            confidence=100 if authority == "principal" else 50, expires_at=None if days is None else now + days * DAY,
            readers=new.readers, evidence=(Evidence(id, 0, s.quote),),
        )  # fmt: skip
        await store.tell(tx, claim, now=now, new_id=random_id)
    return len(found)


async def withdraw(
    tx: Tx,
    documents: Sequence[int],
    *,
    now: int,
    kept: frozenset[tuple[str, str, str]] | set[tuple[str, str, str]] = frozenset(),
    heir: int = 0,
    readers: Sequence[str] = (),
) -> int:
    """Cease to believe what stands on these documents alone, but for what is `kept`: that stands on `heir` now.

    Where `heir` is for fewer `readers` than the fact, the fact goes, too: it is told again for those who may read it.
    """
    gone = 0
    for f in await store.standing_on(tx, documents):
        if (f.subject, f.predicate, f.norm) in kept and store.may_share(readers, f.readers):
            quote = f.evidence[0].quote if f.evidence else ""
            await store.cite(tx, f.id, (Evidence(heir, 0, quote),))
        elif await store.take_back(tx, f.id, now=now, new_id=random_id):
            gone += 1
    return gone
