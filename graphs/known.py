"""Exact before semantic: a question for a fact is answered from the facts, with source, date and what is doubted about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from graphs.agent import Desk, Draft
from graphs.tools.wording import day, escaped, plain, quoted
from knowledge.facts.says import Asked, asked
from knowledge.words import Evidence

Fact = Mapping[str, Any]
_MONEY = frozenset({"account", "password", "code"})


async def known(desk: Desk, question: str) -> Draft | None:
    """The answer to a question for a fact, or None when it asks for something else or nothing is known."""
    wanted = asked(question, desk.now, desk.zone)
    if wanted is None:
        return None
    arguments = {
        "subject": wanted.subject, "predicate": wanted.predicate, "valid_at": wanted.valid_at, "known_at": wanted.known_at,
    }  # fmt: skip
    found = await desk.read("facts.about", arguments)
    if not any(found.values()):
        return None
    text = _as_of(wanted, found, desk) if wanted.phrase else _today(found["held"], desk)
    proofs = tuple(proof(f, desk) for f in found["held"])
    doubt, choices = doubts(found["open"] if not wanted.phrase else [], held=bool(found["held"]), desk=desk)
    words = "\n\n".join(part for part in (text, doubt) if part)
    return Draft(words, proofs or tuple(proof(f, desk) for f in found["open"][:1]), choices=choices)


def _today(held: Sequence[Fact], desk: Desk) -> str:
    if not held:
        return "I don't know that for sure."
    return "; ".join(escaped(plain(f["value"])) + _until(f, desk) for f in held)


def _until(f: Fact, desk: Desk) -> str:
    return f" (until {day(_at(f['to'], desk))})" if f["to"] else ""


def _as_of(wanted: Asked, found: Mapping[str, Sequence[Fact]], desk: Desk) -> str:
    then = "; ".join(escaped(plain(f["value"])) for f in found["held"])
    now = "; ".join(escaped(plain(f["value"])) for f in found["today"])
    if not then:
        lead = "I did not know that then" if wanted.known_at else "I know nothing of that time"
        return f"{lead} ({plain(wanted.phrase)})." + (f" Today it is {now}." if now else "")
    lead = "By what I knew then" if wanted.known_at else "Then"
    return f"{lead} ({plain(wanted.phrase)}): {then}." + (f" Today it is {now}." if now and now != then else "")


def doubts(open_ones: Sequence[Fact], *, held: bool, desk: Desk) -> tuple[str, tuple[str, ...]]:
    """What others say about it, and the quick answers that settle it."""
    if not open_ones:
        return "", ()
    f = open_ones[0]
    source = f"{escaped(f['name'])}, {day(_at(f['dated'], desk))}" if f["name"] else day(_at(f["dated"], desk))
    asks = "Is that right?" if not held else "I keep what you told me. Is the other one right?"
    text = f"⚠️ Unconfirmed: {source} says {quoted(f['value'])}. {asks}"
    if f["predicate"] in _MONEY:
        text += " Ask by a way that you know before you trust it: a changed account is how fraud begins."
    if len(open_ones) > 1:
        text += f" ({len(open_ones) - 1} more: /facts)"
    shown = plain(f["value"], 60).replace("(", "").replace(")", "")
    return text, (f"it is {shown} (fact {f['id']})", f"it is not {shown} (fact {f['id']})")


def proof(f: Fact, desk: Desk) -> Evidence:
    """What a fact stands on: the document that says so, or the principal's own words, with the day."""
    name = str(f["name"]) or "your own words"
    return Evidence(name, day(_at(f["dated"], desk)), plain(str(f["quote"] or f["value"]), 300), f["integrity"])


def _at(ms: int, desk: Desk) -> datetime:
    return datetime.fromtimestamp(ms / 1000, desk.zone)
