"""The agent of relations: everything about a person, company or project, and who introduced whom."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task
from graphs.tools.wording import day, escaped, plain, quoted
from knowledge.facts.past import PHRASE, stretch
from knowledge.facts.says import ME
from knowledge.facts.words import key
from knowledge.graph import IN_THREAD, NAMED_IN
from knowledge.words import Evidence

_SINCE = rf"(?:\s+(?:since|seit|depuis|desde|da)\s+(?P<since>{PHRASE})|\s+(?:in|im|en|nel)\s+(?P<during>{PHRASE}))?"
_EVERYTHING = re.compile(
    r"(?:(?:(?:show|tell|give)(?:\s+me)?\s+)?(?:everything|all)(?:\s+(?:that\s+)?(?:you|we)\s+(?:know|have))?\s+(?:about|on)"
    r"|what\s+do\s+(?:you|we)\s+(?:know|have)\s+(?:about|on)|alles\s+(?:über|zu))"
    rf"\s+(?P<about>.+?){_SINCE}",
    re.IGNORECASE,
)
_INTRODUCED = re.compile(
    r"who\s+introduced\s+(?:me|us)\s+to\s+(?:my\s+|our\s+|the\s+)?(?P<of>.+)"
    r"|wer\s+hat\s+(?:mich|uns)\s+(?:mit\s+)?(?:unserem\s+|meinem\s+|dem\s+|der\s+)?(?P<german>.+?)\s+(?:bekannt\s+gemacht|vorgestellt)",
    re.IGNORECASE,
)
_WORKS = re.compile(
    r"(?:who\s+(?:all\s+)?works?\s+(?:at|for)|wer\s+arbeitet\s+(?:bei|für)|qui\s+travaille\s+chez|quién\s+trabaja\s+en"
    r"|chi\s+lavora\s+(?:da|per))\s+(?P<at>.+)",
    re.IGNORECASE,
)
SHOWN = 12
WRITERS = 4  # of a thread, by name
_SHOWN_BELOW = ("named with", IN_THREAD, NAMED_IN)


def claim(words: str, now: datetime, zone: ZoneInfo) -> Mapping[str, Any] | None:
    text = words.strip().rstrip(" ?!.")
    if len(text) > 200:
        return None
    if found := _INTRODUCED.fullmatch(text):
        return {"introduced": (found["of"] or found["german"]).strip()}
    if (found := _WORKS.fullmatch(text)) and key(found["at"]) not in ("", ME, "you", "us"):
        return {"works_at": found["at"].strip()}
    if (found := _EVERYTHING.fullmatch(text)) is None:
        return None
    about = found["about"].strip(" \"“”'")
    named = found["since"] or found["during"]
    span = stretch(named, now, zone) if named else None
    if about.casefold() in ("me", "you", "it", "this", "that") or not about:
        return None
    return {"about": about, "since": span[0] if span else None, "until": span[1] if span and found["during"] else None}


async def work(task: Task, desk: Desk) -> Draft:
    arguments = task.arguments
    if arguments.get("command") == "about" or not arguments:
        said = task.goal.strip()
        arguments = claim(f"everything about {said}", desk.now, desk.zone) or {"about": said}
    if "introduced" in arguments:
        return await _introduced(str(arguments["introduced"]), desk)
    if "works_at" in arguments:
        return await _works_at(str(arguments["works_at"]), desk)
    about = str(arguments.get("about", "")).strip()
    if len(about) < 2:
        return Draft("About whom or what? Say it after the command: /about Acme.", asks=True)
    wanted = {"name": about, "since": arguments.get("since"), "until": arguments.get("until")}
    found = await desk.read("graph.around", wanted)
    if not found["edges"] and not found["documents"] and not found["threads"]:
        nothing = f"I hold nothing about {quoted(about)}" + (" in that time." if wanted["since"] else ".")
        if not (near := [plain(name, 60) for name in found["near"]]):
            return Draft(nothing)
        meant = " or ".join(quoted(name) for name in near)
        return Draft(f"{nothing} Did you mean {meant}?", choices=tuple(f"everything about {name}" for name in near))
    return Draft(_told(about, found, desk), tuple(Evidence(title, at) for title, at, _ in _sources(found, desk)[:4]))


def _told(about: str, found: Mapping[str, Any], desk: Desk) -> str:
    facts = [e for e in found["edges"] if e["source"] == "facts"]
    stated = [e for e in found["edges"] if e["source"] != "facts" and e["what"] not in _SHOWN_BELOW]
    near = [e["b"] for e in found["edges"] if e["what"] == "named with"]
    lines = [f"**{escaped(plain(about, 80))}**"]
    lines += [f"- {_line(e)} (since {_day(e['at'], desk)})" for e in facts[:SHOWN]]
    lines += [f"- {_line(e)} ({escaped(plain(e['source'], 60))}, {_day(e['at'], desk)})" for e in stated[:SHOWN]]
    if near:
        lines.append("Named together with: " + ", ".join(escaped(plain(n, 40)) for n in near[:SHOWN]))
    if sources := _sources(found, desk):
        kinds = ((len(found["threads"]), "thread"), (len(found["documents"]), "document"))
        counted = " and ".join(f"{n} {kind}{'' if n == 1 else 's'}" for n, kind in kinds if n)
        lines.append(f"{counted}, the newest first:")
        lines += [f"- {at}: {escaped(title)}{escaped(more)}" for title, at, more in sources[:SHOWN]]
    return "\n".join(lines)


def _sources(found: Mapping[str, Any], desk: Desk) -> list[tuple[str, str, str]]:
    """(title, day or days, who wrote how many mails) of threads and documents together, the newest first."""
    told = [(d["at"], plain(d["title"] or d["name"], 80), _day(d["at"], desk), "") for d in found["documents"]]
    for t in found["threads"]:
        days = list(dict.fromkeys(_day(at, desk) for at in (t["first"], t["last"])))
        people = ", ".join(plain(name, 40) for name in t["people"][:WRITERS])
        others = len(t["people"]) - WRITERS
        people += f" and {others} more" if others > 0 else ""
        told.append((t["last"], plain(t["subject"], 80), " to ".join(days), f" ({t['mails']} mails: {people})"))
    return [(title, at, more) for _, title, at, more in sorted(told, key=lambda one: -one[0])]


def _line(e: Mapping[str, Any]) -> str:
    return f"{escaped(plain(e['a'], 60))} · {escaped(plain(e['what'], 40))}: {escaped(plain(e['b'], 100))}"


async def _works_at(company: str, desk: Desk) -> Draft:
    found = (await desk.read("graph.who", {"what": "works at", "of": company}))["edges"]
    people = {e["a"].casefold(): e for e in found}
    if not people:
        return Draft(f"I don't know who works at {quoted(company)}.")
    proofs = [Evidence(plain(e["source"], 80), _day(e["at"], desk), plain(e["quote"], 300)) for e in people.values()]
    return Draft(", ".join(escaped(plain(e["a"], 60)) for e in people.values()) + ".", tuple(dict.fromkeys(proofs[:4])))


async def _introduced(to: str, desk: Desk) -> Draft:
    found = (await desk.read("graph.who", {"what": "introduced", "of": to}))["edges"]
    if not found:
        return Draft(f"I don't know who introduced you to {quoted(to)}.")
    first = found[0]
    proof = Evidence(first["source"], _day(first["at"], desk), plain(first["quote"], 300))
    return Draft(f"{escaped(plain(first['a'], 80))}: {quoted(first['quote'], 200)}", (proof,))


def _day(ms: int, desk: Desk) -> str:
    return day(datetime.fromtimestamp(ms / 1000, desk.zone))


AGENT = Agent(
    Manifest(
        name="around",
        purpose="tell everything about a person, company or project, who works there, and who introduced whom",
        tools=frozenset({"graph.around", "graph.who"}),
        examples=("everything about Acme since May", "who introduced me to our lawyer?"),
        arguments={
            "about": "the person, company or project",
            "introduced": "to whom somebody introduced the principal",
            "works_at": "the company whose people are asked for",
        },
    ),
    claim,
    work,
    commands={"about": "everything about somebody or something: /about Acme since May"},
)
