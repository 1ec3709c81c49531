"""Facts in SQL: told, superseded, contested, asked about, answered as of any day. Rows end; they are never rewritten."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, update

from knowledge.database.engine import Tx
from knowledge.database.schema_memory import fact, fact_evidence
from knowledge.facts.assertion import Issuers, genuine
from knowledge.facts.words import CHANGES, ONE, Claim, Effect, Evidence, Fact, key, norm, weigh
from knowledge.ids import canonical

EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class Told:
    """What a claim did. `fact` is the row it made or confirmed; `against` the one it ended or contradicts."""

    effect: Effect
    fact: Fact | None = None
    against: Fact | None = None


async def tell(tx: Tx, claim: Claim, *, now: int, new_id: Callable[[], str], issuers: Issuers | None = None) -> Told:
    """Take a claim in by the rules of `words.weigh`. Never raises for what it says; the effect tells."""
    claim = dataclasses.replace(claim, subject=key(claim.subject), predicate=key(claim.predicate))
    since = now if claim.valid_from is None else claim.valid_from
    if claim.authority == "signed":
        sound = genuine(claim, issuers or {}, valid_to=claim.valid_to)
        if (known := await _asserted(tx, claim, sound=sound)) is not None:
            return Told("same" if sound else "quarantined", known)
        if not sound:
            return Told("quarantined", await _write(tx, claim, since, "quarantined", now, new_id()))
    held = await _contender(tx, claim, since, now)
    effect = weigh(claim, held, since=since)
    if effect == "refused":
        return Told(effect)
    if effect == "same" and held is not None:
        if may_share(claim.readers, held.readers):
            await cite(tx, held.id, claim.evidence)
        if held.state == "held":
            return Told(effect, held)
        return (
            await confirm(tx, held.id, now=now, new_id=new_id) if claim.authority == "principal" else Told(effect, held)
        )
    if effect in {"contested", "unconfirmed"}:
        known = await _pending(tx, claim)
        if known is not None and may_share(claim.readers, known.readers):
            await cite(tx, known.id, claim.evidence)
            return Told(effect, known, held)
        state = "contested" if effect == "contested" else "unconfirmed"
        made = await _write(tx, claim, since, state, now, new_id(), against=held.id if held else None)
        return Told(effect, made, held)
    if effect == "late" and held is not None:
        claim = dataclasses.replace(claim, valid_to=min(claim.valid_to or held.valid_from, held.valid_from))
    if effect == "supersedes" and held is not None:
        await end(tx, held, at=since, now=now, id=new_id())
    made = await _write(
        tx, claim, since, "held", now, new_id(), supersedes=held.id if effect == "supersedes" and held else None
    )
    return Told(effect, made, held)


async def confirm(tx: Tx, id: str, *, now: int, new_id: Callable[[], str]) -> Told:
    """The principal says that a contested or unconfirmed fact is so: it is held by the principal's word from now on."""
    found = await get(tx, id)
    if found is None or found.state not in {"contested", "unconfirmed"} or found.retracted_at is not None:
        return Told("refused")
    await tx.execute(update(fact).where(fact.c.id == id).values(retracted_at=now))
    claim = Claim(
        found.subject, found.predicate, found.value, "principal", found.valid_from, found.valid_to,
        readers=found.readers, evidence=found.evidence,
    )  # fmt: skip
    return await tell(tx, claim, now=now, new_id=new_id)


async def retract(tx: Tx, id: str, *, now: int) -> bool:
    """Cease to believe a fact. What was believed before stays to be asked for. False when it was not believed."""
    statement = update(fact).where(fact.c.id == id, fact.c.retracted_at.is_(None)).values(retracted_at=now)
    return (await tx.execute(statement)).rowcount == 1


async def get(tx: Tx, id: str) -> Fact | None:
    row = (await tx.execute(select(fact).where(fact.c.id == id))).mappings().first()
    return _fact(dict(row)) if row else None


async def about(
    tx: Tx,
    subject: str,
    predicate: str = "",
    *,
    readers: Sequence[str],
    now: int,
    valid_at: int | None = None,
    known_at: int | None = None,
    issuers: Issuers | None = None,
) -> list[Fact]:
    """Facts held about a subject, newest first: true at `valid_at` by what was known at `known_at` (both default to now).

    Only what `readers` may see; expired ones and those whose signature no longer fits are left out.
    """
    valid_at = now if valid_at is None else valid_at
    known_at = now if known_at is None else known_at
    conditions = [
        fact.c.subject == key(subject),
        fact.c.state == "held",
        fact.c.recorded_at <= known_at,
        or_(fact.c.retracted_at.is_(None), fact.c.retracted_at > known_at),
        fact.c.valid_from <= valid_at,
        or_(fact.c.valid_to.is_(None), fact.c.valid_to > valid_at),
        or_(fact.c.expires_at.is_(None), fact.c.expires_at > now),
    ]
    if predicate:
        conditions.append(fact.c.predicate == key(predicate))
    return await believable(tx, await _select(tx, and_(*conditions)), readers, issuers)


async def history(tx: Tx, subject: str, predicate: str, *, readers: Sequence[str]) -> list[Fact]:
    """Everything ever held, contested or unconfirmed about a property, newest first."""
    found = await _select(tx, and_(fact.c.subject == key(subject), fact.c.predicate == key(predicate)))
    return [f for f in found if readable(f, readers)]


async def take_back(tx: Tx, id: str, *, now: int, new_id: Callable[[], str]) -> bool:
    """Undo a telling: the fact is no longer believed, and what it ended holds again. False when it was not believed."""
    told = await get(tx, id)
    if told is None or not await retract(tx, id, now=now):
        return False
    former = await get(tx, told.supersedes) if told.supersedes else None
    if former is None:
        return True
    ended = await _select(tx, and_(fact.c.supersedes == former.id, fact.c.retracted_at.is_(None)))
    for row in ended:
        await retract(tx, row.id, now=now)
    await _insert(tx, dataclasses.replace(former, id=new_id(), recorded_at=now, retracted_at=None, supersedes=None))
    return True


async def standing_on(tx: Tx, documents: Sequence[int]) -> list[Fact]:
    """Facts that are believed, asked about or not, and have no evidence but these documents."""
    if not documents:
        return []
    ids = select(fact_evidence.c.fact).where(fact_evidence.c.document.in_(documents))
    found = await _select(tx, and_(fact.c.id.in_(ids), fact.c.retracted_at.is_(None)))
    return [f for f in found if {e.document for e in f.evidence} <= set(documents)]


async def open_ones(
    tx: Tx,
    *,
    readers: Sequence[str],
    now: int,
    subject: str = "",
    predicate: str = "",
    issuers: Issuers | None = None,
) -> list[Fact]:
    """Contested and unconfirmed facts, newest first: about one property, or all."""
    conditions = [
        fact.c.state.in_(["contested", "unconfirmed"]), fact.c.retracted_at.is_(None),
        or_(fact.c.expires_at.is_(None), fact.c.expires_at > now),
    ]  # fmt: skip
    if subject:
        conditions.append(fact.c.subject == key(subject))
    if predicate:
        conditions.append(fact.c.predicate == key(predicate))
    return await believable(tx, await _select(tx, and_(*conditions)), readers, issuers)


async def believable(
    tx: Tx, found: Sequence[Fact], readers: Sequence[str], issuers: Issuers | None = None
) -> list[Fact]:
    """Those of the facts that `readers` may see and that, where somebody signed them, are still as they were signed."""
    return [
        f for f in found if readable(f, readers) and (f.authority != "signed" or await _sound(tx, f, issuers or {}))
    ]


async def subjects(tx: Tx, *, readers: Sequence[str], now: int, issuers: Issuers | None = None) -> list[Fact]:
    """One fact that is held now for each subject of which the readers may know one."""
    held = and_(fact.c.state == "held", fact.c.retracted_at.is_(None), *(
        or_(end.is_(None), end > now) for end in (fact.c.expires_at, fact.c.valid_to)))  # fmt: skip
    found = await believable(tx, await _select(tx, held), readers, issuers)
    return list({f.subject: f for f in found if f.subject}.values())


async def asserted_by(tx: Tx, issuer: str) -> list[Fact]:
    """What an issuer signed and nobody took back, without an end: held, contested, or in quarantine."""
    alive = and_(fact.c.issuer == issuer, fact.c.retracted_at.is_(None), fact.c.valid_to.is_(None))
    return await _select(tx, alive)


async def any_signed(tx: Tx) -> bool:
    """Whether there is an assertion that may have to be put aside, or told of."""
    alive = and_(fact.c.authority == "signed", fact.c.retracted_at.is_(None))
    open_ = or_(fact.c.state != "quarantined", fact.c.asked_at.is_(None))
    return (await tx.execute(select(fact.c.id).where(alive, open_).limit(1))).first() is not None


async def quarantine_broken(tx: Tx, *, issuers: Issuers) -> int:
    """Put facts aside that are no longer what a known issuer signed; how many. `put_aside` tells of them."""
    alive = and_(fact.c.authority == "signed", fact.c.retracted_at.is_(None), fact.c.state != "quarantined",
                 fact.c.issuer.in_(list(issuers)))  # fmt: skip
    broken = [f.id for f in await _select(tx, alive) if not await _sound(tx, f, issuers)]
    if broken:
        await tx.execute(update(fact).where(fact.c.id.in_(broken)).values(state="quarantined"))
    return len(broken)


async def put_aside(tx: Tx, *, readers: Sequence[str], now: int) -> list[Fact]:
    """Facts in quarantine that the principal was not told of yet; they count as told from now on."""
    fresh = and_(fact.c.state == "quarantined", fact.c.retracted_at.is_(None), fact.c.asked_at.is_(None))
    found = [f for f in await _select(tx, fresh) if readable(f, readers)]
    for f in found:
        await tx.execute(update(fact).where(fact.c.id == f.id).values(asked_at=now))
    return found


async def stale(tx: Tx, *, readers: Sequence[str], before: int) -> list[Fact]:
    """Facts that have one value at a time, were last told before `before` (ms), and are held without an end."""
    old = and_(
        fact.c.state == "held", fact.c.retracted_at.is_(None), fact.c.valid_to.is_(None), fact.c.recorded_at < before
    )
    return [f for f in await _select(tx, old) if readable(f, readers) and set(f.predicate.split()) & CHANGES]


async def unasked(tx: Tx, ids: Sequence[str]) -> list[str]:
    """Those of the facts that the principal was not asked about yet."""
    statement = select(fact.c.id).where(fact.c.id.in_(ids), fact.c.asked_at.is_(None))
    return list((await tx.execute(statement)).scalars())


async def questions(
    tx: Tx, *, readers: Sequence[str], now: int, states: Sequence[str] = ("contested", "unconfirmed")
) -> list[tuple[Fact, Fact | None]]:
    """Contested and unconfirmed facts that the principal was not asked about yet, with what they contradict.

    Marks them as asked: each is put once.
    """
    open_ = and_(fact.c.state.in_(list(states)), fact.c.retracted_at.is_(None), fact.c.asked_at.is_(None))
    found = [f for f in await _select(tx, open_) if readable(f, readers)]
    for f in found:
        await tx.execute(update(fact).where(fact.c.id == f.id).values(asked_at=now))
    against = [await get(tx, f.against) if f.against else None for f in found]
    return [(f, a if a is not None and readable(a, readers) else None) for f, a in zip(found, against, strict=True)]


async def expire(tx: Tx, *, now: int) -> int:
    """Retract facts whose time is over. Returns how many."""
    over = and_(fact.c.expires_at <= now, fact.c.retracted_at.is_(None))
    return int((await tx.execute(update(fact).where(over).values(retracted_at=now))).rowcount)


async def forget_documents(tx: Tx, documents: Sequence[int]) -> int:
    """Delete facts whose only evidence are these documents, and these documents from the evidence of others."""
    if not documents:
        return 0
    touched = select(fact_evidence.c.fact).where(fact_evidence.c.document.in_(documents))
    ids = set((await tx.execute(touched)).scalars())
    await tx.execute(delete(fact_evidence).where(fact_evidence.c.document.in_(documents)))
    gone = 0
    for id in sorted(ids):
        found = await get(tx, id)
        if found is None:
            continue
        left = tuple(e for e in found.evidence if e.document not in set(documents))
        if left or found.authority == "principal":
            await tx.execute(update(fact).where(fact.c.id == id).values(evidence=_evidence(left)))
            continue
        await tx.execute(delete(fact_evidence).where(fact_evidence.c.fact == id))
        await tx.execute(delete(fact).where(fact.c.id == id))
        gone += 1
    return gone


async def _contender(tx: Tx, claim: Claim, since: int, now: int) -> Fact | None:
    """The fact that a claim meets: the same value, or for a predicate with one value the one held at that time or after."""
    base = and_(
        fact.c.subject == claim.subject, fact.c.predicate == claim.predicate, fact.c.retracted_at.is_(None),
        or_(fact.c.expires_at.is_(None), fact.c.expires_at > now),
    )  # fmt: skip
    same = await _select(tx, and_(base, fact.c.norm == norm(claim.value), fact.c.valid_to.is_(None),
                                  fact.c.state.in_(["held", "contested", "unconfirmed"])))  # fmt: skip
    held = [f for f in same if f.state == "held"] or (same if claim.authority == "principal" else [])
    if held:
        return held[0]
    if not claim.predicate or not (set(claim.predicate.split()) & ONE):
        return None
    until = claim.valid_to
    overlapping = and_(base, fact.c.state == "held", or_(fact.c.valid_to.is_(None), fact.c.valid_to > since),
                       fact.c.valid_from < until if until is not None else fact.c.valid_from.is_not(None))  # fmt: skip
    found = await _select(tx, overlapping)
    return min(found, key=lambda f: f.valid_from) if found else None


async def _pending(tx: Tx, claim: Claim) -> Fact | None:
    """The same claim, contested or unconfirmed already: it is not put a second time."""
    found = await _select(
        tx,
        and_(
            fact.c.subject == claim.subject, fact.c.predicate == claim.predicate, fact.c.norm == norm(claim.value),
            fact.c.state.in_(["contested", "unconfirmed"]), fact.c.retracted_at.is_(None),
        ),
    )  # fmt: skip
    return found[0] if found else None


async def _asserted(tx: Tx, claim: Claim, *, sound: bool) -> Fact | None:
    """The row of this very assertion: what was taken back since does not come again with a repeated file."""
    this = and_(fact.c.issuer == claim.issuer, fact.c.nonce == claim.nonce, fact.c.signature == claim.signature)
    aside = fact.c.state == "quarantined" if not sound else fact.c.state != "quarantined"
    found = await _select(tx, and_(this, aside, fact.c.norm == norm(claim.value)))
    return found[0] if found else None


async def end(tx: Tx, held: Fact, *, at: int, now: int, id: str) -> None:
    """Close a fact at `at`: the row is retracted, and one with the end in it takes its place, if it was ever held."""
    await tx.execute(update(fact).where(fact.c.id == held.id).values(retracted_at=now))
    if at <= held.valid_from or held.state != "held":
        return  # it was never true for any time
    ended = dataclasses.replace(held, id=id, valid_to=at, recorded_at=now, supersedes=held.id)
    await _insert(tx, ended)


async def _write(
    tx: Tx,
    claim: Claim,
    since: int,
    state: Any,
    now: int,
    id: str,
    *,
    supersedes: str | None = None,
    against: str | None = None,
) -> Fact:
    made = Fact(
        id, claim.subject, claim.predicate, claim.value, norm(claim.value), since, claim.valid_to, now, None, state,
        claim.authority, claim.confidence, claim.expires_at, claim.readers, claim.evidence, supersedes, against,
        claim.issuer, claim.nonce, claim.signature,
    )  # fmt: skip
    await _insert(tx, made)
    return made


async def _insert(tx: Tx, made: Fact) -> None:
    row = {f.name: getattr(made, f.name) for f in dataclasses.fields(made)}
    row["readers"] = canonical(sorted(made.readers))
    row["evidence"] = _evidence(made.evidence)
    await tx.execute(insert(fact).values(**row))
    for document in {e.document for e in made.evidence if e.document}:
        await tx.execute(insert(fact_evidence).values(fact=made.id, document=document))


async def cite(tx: Tx, id: str, evidence: tuple[Evidence, ...]) -> None:
    """Add to what a fact stands on."""
    found = await get(tx, id)
    new = tuple(e for e in evidence if found is not None and e not in found.evidence)
    if found is None or not new:
        return
    await tx.execute(update(fact).where(fact.c.id == id).values(evidence=_evidence(found.evidence + new)))
    for document in {e.document for e in new if e.document}:
        known = exists().where(fact_evidence.c.fact == id, fact_evidence.c.document == document)
        if not (await tx.execute(select(known))).scalar():
            await tx.execute(insert(fact_evidence).values(fact=id, document=document))


async def _select(tx: Tx, condition: ColumnElement[bool]) -> list[Fact]:
    statement = select(fact).where(condition).order_by(fact.c.valid_from.desc(), fact.c.recorded_at.desc(), fact.c.id)
    return [_fact(dict(row)) for row in (await tx.execute(statement)).mappings()]


async def _sound(tx: Tx, f: Fact, issuers: Issuers) -> bool:
    """Whether the signature fits: over the end as it was signed, which the first row of the chain still has."""
    first = f
    while first.supersedes and (former := await get(tx, first.supersedes)) and former.nonce == f.nonce:
        first = former
    return genuine(f, issuers, valid_to=first.valid_to)


def may_share(evidence: Sequence[str], of: Sequence[str]) -> bool:
    """Whether everybody who may read a fact may read the evidence, too: only then it becomes the fact's."""
    return EVERYONE in evidence or (EVERYONE not in of and set(of) <= set(evidence))


def readable(f: Fact, readers: Sequence[str]) -> bool:
    """Whether one of the readers may see the fact."""
    return bool(readers) and (EVERYONE in f.readers or not set(readers).isdisjoint(f.readers))


def _evidence(evidence: tuple[Evidence, ...]) -> str:
    return canonical([dataclasses.asdict(e) for e in evidence])


def _fact(row: dict[str, Any]) -> Fact:
    row.pop("asked_at")
    row["readers"] = tuple(json.loads(row["readers"]))
    row["evidence"] = tuple(Evidence(**e) for e in json.loads(row["evidence"]))
    return Fact(
        **{**row, "issuer": row["issuer"] or "", "nonce": row["nonce"] or "", "signature": row["signature"] or ""}
    )
