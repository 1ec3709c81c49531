"""Facts as tools: told and taken back by the principal's own words, read with what is doubted about them."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from graphs.tools.base import Arguments, Receipt, Tool, ToolTrouble, Undo
from graphs.tools.reading import reading
from graphs.tools.wording import day, escaped, plain, quoted
from knowledge.database import Database, Tx
from knowledge.database.schema_memory import document
from knowledge.facts import store
from knowledge.facts.assertion import Issuers
from knowledge.facts.says import ME
from knowledge.facts.words import Claim, Evidence, Fact
from knowledge.ids import digest, random_id
from knowledge.walls import labelled

READERS = ("principal",)
SHOWN = 40  # facts listed at once


def fact_tools(
    db: Database,
    clock: Callable[[], datetime],
    zone: ZoneInfo,
    level: Callable[[], Awaitable[object]],
    issuers: Issuers | None = None,
) -> list[Tool]:
    """facts.tell (subject, predicate, value, from, to, quote), facts.settle (fact, right, value), facts.untell (fact):
    write, the principal's own. facts.about (subject, predicate, valid_at, known_at), facts.open (subject, predicate),
    facts.of (subject): read, from a memory that is brought level first. Times are ms or null."""

    def now() -> int:
        return int(clock().timestamp() * 1000)

    async def tell(arguments: Arguments, key: str) -> Receipt:
        claim = Claim(
            arguments["subject"], arguments["predicate"], arguments["value"], "principal", arguments["from"],
            arguments["to"], readers=labelled(READERS, str(arguments["quote"])),
            evidence=(Evidence(0, 0, str(arguments["quote"])),),
        )  # fmt: skip
        async with db.write() as tx:
            known = await store.get(tx, _id(key))
            if known is not None:  # this very telling, carried out before
                return {"fact": known.id, "effect": "new", "was": "", "made": True}
            told = await store.tell(tx, claim, now=now(), new_id=_ids(key))
        if told.fact is None:
            raise ToolTrouble(f"I can't keep that as a fact ({told.effect}).")
        was = told.against.value if told.against and store.readable(told.against, READERS) else ""
        return {"fact": told.fact.id, "effect": told.effect, "was": was, "made": told.effect != "same"}

    async def settle(arguments: Arguments, key: str) -> Receipt:
        fact = str(arguments["fact"])
        async with db.write() as tx:
            found = await store.get(tx, fact)
            if found is None:
                raise ToolTrouble(f"There is no fact {fact}.")
            if not arguments["right"]:
                await store.retract(tx, fact, now=now())
                return {"fact": fact, "made": False}
            told = await store.confirm(tx, fact, now=now(), new_id=_ids(key))
        if told.fact is None:
            raise ToolTrouble("That was decided already.")
        return {"fact": told.fact.id, "made": True}

    async def untell(arguments: Arguments, key: str) -> Receipt:
        async with db.write() as tx:
            await store.take_back(tx, str(arguments["fact"]), now=now(), new_id=_ids(key))
        return {"fact": arguments["fact"]}

    async def about(arguments: Arguments, _key: str) -> Receipt:
        """Who the subject is may itself be a fact: "my lawyer" is somebody."""
        await level()
        readers = _readers(arguments)
        seen: dict[str, Any] = {"readers": readers, "now": now(), "issuers": issuers}
        async with db.read() as tx:
            subjects = [str(arguments["subject"])]
            when: dict[str, Any] = {name: arguments.get(name) for name in ("valid_at", "known_at")}
            for alias in await store.about(tx, ME, subjects[0], **seen):
                subjects.append(alias.value)
            for subject in subjects:
                predicate = str(arguments["predicate"])
                held = await store.about(tx, subject, predicate, **seen, **when)
                today = await store.about(tx, subject, predicate, **seen)
                doubted = await store.open_ones(tx, **seen, subject=subject, predicate=predicate)
                if held or today or doubted:
                    return {
                        "held": [await _shown(tx, f) for f in held],
                        "today": [await _shown(tx, f) for f in today],
                        "open": [await _shown(tx, f) for f in doubted],
                    }
        return {"held": [], "today": [], "open": []}

    async def of(arguments: Arguments, _key: str) -> Receipt:
        await level()
        async with db.read() as tx:
            subject, readers = str(arguments["subject"]), _readers(arguments)
            found = await store.about(tx, subject, readers=readers, now=now(), issuers=issuers)
            return {"facts": [await _shown(tx, f) for f in found[:SHOWN]], "total": len(found)}

    async def doubted(arguments: Arguments, _key: str) -> Receipt:
        async with db.read() as tx:
            found = await store.open_ones(tx, readers=_readers(arguments), now=now(), issuers=issuers)
            return {"facts": [await _shown(tx, f) for f in found[:SHOWN]], "total": len(found)}

    return [
        Tool(
            name="facts.tell", effect="write", purpose="remember a fact", run=tell, own=True,
            render=lambda a: f"**Remember** {sentence(a)}",
            report=lambda a, r: _told(a, r, zone),
            roles={"subject": "target", "predicate": "target", "value": "content", "quote": "content"},
            undo=lambda _a, r: Undo("facts.untell", {"fact": r["fact"], "value": _a["value"]}) if r["made"] else None,
            undo_note=lambda _a: "possible at any time",
        ),
        Tool(
            name="facts.settle", effect="write", purpose="confirm or reject a doubtful fact", run=settle, own=True,
            render=lambda a: f"**{'Confirm' if a['right'] else 'Reject'}** {quoted(a['value'])}",
            report=lambda a, _r: f"{'Confirmed' if a['right'] else 'Rejected'}: {quoted(a['value'])}.",
            roles={"fact": "target", "right": "benign", "value": "content"},
            undo=lambda a, r: Undo("facts.untell", {"fact": r["fact"], "value": a["value"]}) if r["made"] else None,
            undo_note=lambda a: "possible at any time" if a["right"] else None,
        ),
        Tool(
            name="facts.untell", effect="write", purpose="take a fact back", run=untell, own=True,
            render=lambda a: f"**Take back** {quoted(a['value'])}",
            report=lambda a, _r: f"I no longer take {quoted(a['value'])} for a fact.",
            roles={"fact": "target", "value": "benign"},
        ),
        reading("facts.about", "look a fact up", about),
        reading("facts.of", "list what is known about somebody or something", of),
        reading("facts.open", "list facts that are doubted", doubted),
    ]  # fmt: skip


def _readers(arguments: Arguments) -> tuple[str, ...]:
    """As whom an agent reads; the guard in front of reading tools says so."""
    return tuple(arguments.get("readers", READERS))


def whose(subject: str, predicate: str, quote: str = "") -> str:
    """ "your lawyer", "Frau Keller’s phone": a subject is kept in small letters and shown as the quote writes it."""
    written = re.search(r"\W+".join(map(re.escape, subject.split())), quote, re.I)
    shown = written[0] if written else subject
    return f"your {escaped(predicate)}" if subject == ME else f"{escaped(shown)}’s {escaped(predicate)}"


def sentence(a: Mapping[str, Any]) -> str:
    return f"{whose(a['subject'], a['predicate'], str(a['quote']))}: {quoted(a['value'])}"


def _told(a: Arguments, r: Receipt, zone: ZoneInfo) -> str:
    until = f" until {day(datetime.fromtimestamp(a['to'] / 1000, zone))}" if a["to"] else ""
    since = f" since {day(datetime.fromtimestamp(a['from'] / 1000, zone))}" if a["from"] else ""
    said = f"{whose(a['subject'], a['predicate'], str(a['quote']))} is {quoted(a['value'])}{since}{until}"
    if r["effect"] == "same":
        return f"I knew that already: {said}."
    if r["effect"] == "late":
        return f"Remembered for then: {quoted(a['value'])}{since}{until}. Today it is still {quoted(r['was'])}."
    return f"Remembered: {said}" + (f"; before, it was {quoted(r['was'])}." if r["was"] else ".")


async def _shown(tx: Tx, f: Fact) -> dict[str, Any]:
    ids = [e.document for e in f.evidence if e.document]
    rows = (await tx.execute(select(document).where(document.c.id.in_(ids)).order_by(document.c.dated_at.desc()))).all()
    first = rows[0] if rows else None
    name = f.issuer
    if first is not None:
        file = Path(str(json.loads(first.meta).get("file", ""))).name
        name = first.external_id if first.source == "note" else file if first.source == "file" and file else first.title
    return {
        "id": f.id, "subject": f.subject, "predicate": f.predicate, "value": f.value, "state": f.state,
        "authority": f.authority, "from": f.valid_from, "to": f.valid_to, "recorded": f.recorded_at,
        "quote": f.evidence[0].quote if f.evidence else "", "name": plain(name, 80),
        "integrity": first.integrity if first else "trusted" if f.issuer else "principal",
        "dated": first.dated_at if first else f.recorded_at,
    }  # fmt: skip


def _id(key: str, number: int = 0) -> str:
    return digest([key, number])[:10]


def _ids(key: str) -> Callable[[], str]:
    """Ids of what one call makes: the first is the call's own, so that it is recognised when the call is repeated."""
    made = iter(range(100))

    def new() -> str:
        number = next(made, None)
        return _id(key, number) if number is not None else random_id()

    return new
