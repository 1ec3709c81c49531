"""A client's mail that waits for an answer: told once a thread, and over when it is answered or left."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from email.utils import parseaddr

from sqlalchemy import func, or_, select

from bot.delivery import tell_failure
from graphs.tools.wording import escaped, moment, plain, quoted
from knowledge.database import Tx
from knowledge.database.schema_memory import document, fact
from knowledge.facts.says import ME
from knowledge.facts.words import DAY, key
from knowledge.ids import digest
from knowledge.store import escalation, failures, timers
from knowledge.store.escalation import Escalation
from knowledge.store.failures import Remedy

KIND = "house_unanswered"
HOUR = 3_600_000
OLDEST = 14 * DAY
"""Mail that was due longer ago than that when memory first saw it was settled elsewhere: an old mailbox alerts nobody."""

_PREFIX = "unanswered:"
_ROLES = ("role", "status")
_CLIENT = frozenset(["client", "customer", "kunde", "kundin", "mandant", "mandantin", "cliente", "klient", "klientin"])


@dataclass(frozen=True, slots=True)
class Clients:
    """Who is one: mail addresses, domains, and names as facts fold them."""

    addresses: frozenset[str]
    domains: frozenset[str]
    names: frozenset[str]

    def have_written(self, sender: str) -> bool:
        """Whether this is the From of one of them. A forged name makes an alert, and nothing else."""
        name, address = parseaddr(sender)
        domain = address.lower().rpartition("@")[2]
        ours = any(domain == one or domain.endswith("." + one) for one in self.domains)
        return ours or address.lower() in self.addresses or bool(name and key(name) in self.names)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The newest mail of a thread, when it is a client's. `at` is its date (ms)."""

    thread: str
    sender: str
    subject: str
    at: int

    @property
    def key(self) -> str:
        return f"{_PREFIX}{digest(self.thread)[:24]}"


async def state(tx: Tx) -> tuple[object, ...]:
    """What `look` depends on: when it has not changed, only time can have anything to tell, and a timer is set for that."""
    documents = (await tx.execute(select(func.max(document.c.id), func.count()))).one()
    facts = (await tx.execute(select(func.max(fact.c.recorded_at), func.max(fact.c.retracted_at)))).one()
    return (*documents, *facts, await escalation.rules_of(tx))


async def look(tx: Tx, now: int, zone: tzinfo) -> None:
    """Tell of what has waited too long, close what is answered, and set a timer for the next that will be due."""
    rules = await escalation.rules_of(tx)
    span = int(rules.unanswered_h * HOUR)
    told = {f.key for f in await failures.open_ones(tx) if f.key.startswith(_PREFIX)}
    oldest = now - span - OLDEST
    waiting = await _waiting(tx, await clients(tx, rules, now), 0 if told else oldest) if span else []
    for gone in told - {one.key for one in waiting}:
        await failures.close_key(tx, gone, now)
    for one in waiting:
        if oldest < one.at <= now - span and one.key not in told:
            await _tell(tx, one, now, zone)
    if later := [one.at + span for one in waiting if one.at > now - span]:
        due = min(later)
        await timers.arm(tx, f"unanswered-{due}", KIND, "house", "", {}, due, now)


async def _tell(tx: Tx, one: Waiting, now: int, zone: tzinfo) -> None:
    known = await failures.by_key(tx, one.key)
    if known is not None and one.at <= known.last_at:
        return  # it was left, and nothing was written since
    name, address = parseaddr(one.sender)
    who, at = escaped(plain(name or address, 60)), moment(datetime.fromtimestamp(one.at / 1000, zone))
    what = f"{who} wrote on {at} and has had no answer: {quoted(one.subject, 80)}"
    remedies = (Remedy("dismiss", "Skip", ""),)
    missing = "Memory holds no later mail of that thread."
    failure, fresh = await failures.note(tx, one.key, what, "", missing, now, remedies=remedies)
    if fresh:
        await tell_failure(tx, failure, now)


async def clients(tx: Tx, rules: Escalation, now: int) -> Clients:
    """Those of the settings, and whom facts hold as a client: by name, by their addresses, and who works for one."""
    names = {key(one) for one in rules.clients if "@" not in one}
    rows = await _held(tx, (*_ROLES, "client", "email", "employer"), now)
    names |= {s for s, p, v in rows if p in _ROLES and key(v) in _CLIENT and s != ME}
    names |= {key(v) for s, p, v in rows if p == "client" and s == ME}
    names |= {s for s, p, v in rows if p == "employer" and key(v) in names and s != ME}
    addresses = {one.lower() for one in rules.clients if "@" in one and not one.startswith("@")}
    addresses |= {v.lower() for s, p, v in rows if p == "email" and s in names}
    domains = {one.removeprefix("@").lower() for one in rules.clients if one.startswith("@")}
    return Clients(frozenset(addresses), frozenset(domains), frozenset(names))


async def _held(tx: Tx, predicates: Iterable[str], now: int) -> list[tuple[str, str, str]]:
    where = (
        fact.c.predicate.in_(list(predicates)),
        fact.c.state == "held",
        fact.c.retracted_at.is_(None),
        or_(fact.c.valid_to.is_(None), fact.c.valid_to > now),
        or_(fact.c.expires_at.is_(None), fact.c.expires_at > now),
    )
    rows = await tx.execute(select(fact.c.subject, fact.c.predicate, fact.c.value).where(*where))
    return [(row.subject, row.predicate, row.value) for row in rows]


async def _waiting(tx: Tx, known: Clients, since: int) -> list[Waiting]:
    """Threads whose newest mail (of those after `since`, ms) a client wrote."""
    if not (known.addresses or known.domains or known.names):
        return []
    where = (document.c.source == "mail", document.c.state == "current", document.c.dated_at > since)
    columns = (document.c.thread, document.c.title, document.c.meta, document.c.dated_at)
    rows = (await tx.execute(select(*columns).where(*where).order_by(document.c.dated_at, document.c.id))).all()
    newest = {row.thread: row for row in rows}
    return [
        Waiting(str(thread), sender, row.title, row.dated_at)
        for thread, row in newest.items()
        if known.have_written(sender := str(json.loads(row.meta).get("from", "")))
    ]
