"""The agent of facts: takes in what the principal states, settles what is doubted, lists what is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task, Wish
from graphs.agents.base import offer
from graphs.known import doubts, proof
from graphs.tools.facts import whose
from graphs.tools.wording import escaped, plain, quoted
from knowledge.facts.says import told

_SETTLES = re.compile(
    r"(?:(?:yes|no),?\s+)?it\s+is\s+(?P<no>not\s+)?(?P<value>.+?)\s*\(fact\s+(?P<id>[a-z0-9]{4,16})\)", re.I | re.S
)
_ORDERS = re.compile(r"(?P<verb>confirm|reject)\s+fact\s+(?P<id>[a-z0-9]{4,16})", re.I)
_LISTS = re.compile(
    r"(?:which|what)\s+facts\s+(?:do\s+you\s+(?:know|have)\s+)?(?:about|on|of)\s+(?P<about>.+)"
    r"|(?:show|list)(?:\s+me)?\s+(?:all\s+)?(?:the\s+)?facts(?:\s+(?:about|on|of)\s+(?P<of>.+))?",
    re.I,
)

_DOUBT = re.compile(r"\b(?:facts?|doubt\w*|fakten|zweifel\w*)\b", re.I)


def claim(words: str, now: datetime, zone: ZoneInfo) -> Mapping[str, Any] | None:
    """A whole message that is one sentence of facts, or settles one; nothing longer."""
    text = words.strip().rstrip(".!")
    if found := _SETTLES.fullmatch(text):
        return {"settle": found["id"].lower(), "right": not found["no"], "value": found["value"]}
    if found := _ORDERS.fullmatch(text):
        return {"settle": found["id"].lower(), "right": found["verb"].lower() == "confirm", "value": ""}
    if found := _LISTS.fullmatch(text.rstrip("?")):
        return {"about": (found["about"] or found["of"] or "").strip()}
    said = [] if "\n" in text else [asdict(one) for one in told(text, now, zone)]
    return (
        {"tell": [{**one, "from": one.pop("valid_from"), "to": one.pop("valid_to")} for one in said]} if said else None
    )


async def work(task: Task, desk: Desk) -> Draft:
    arguments = task.arguments
    if arguments.get("command") == "facts":
        text = task.goal.strip()
        arguments = {"about": text}
    elif not arguments:
        found = claim(task.goal, desk.now, desk.zone)
        if found is None and not _DOUBT.search(task.goal):
            return offer(task.goal)
        arguments = found or {"about": ""}
    if "settle" in arguments:
        return await _settle(arguments, desk)
    if arguments.get("tell"):
        names = ("subject", "predicate", "value", "from", "to", "quote")
        wanted = [{name: one[name] for name in names} for one in arguments["tell"]]
        origins = dict.fromkeys(names, (desk.words_value,))
        return Draft(wishes=tuple(Wish("facts.tell", one, origins=origins) for one in wanted))
    about = str(arguments.get("about", "")).strip(" ?.!")
    return await _list(about, desk) if about else await _open(desk)


async def _settle(arguments: Mapping[str, Any], desk: Desk) -> Draft:
    waiting = {f["id"]: f for f in (await desk.read("facts.open", {}))["facts"]}
    found = waiting.get(str(arguments["settle"]))
    if found is None:
        return Draft("That is settled already, or I do not know this fact any more.")
    wanted = {"fact": found["id"], "right": bool(arguments["right"]), "value": found["value"]}
    return Draft(wishes=(Wish("facts.settle", wanted, origins=dict.fromkeys(wanted, (desk.words_value,))),))


async def _list(about: str, desk: Desk) -> Draft:
    subject = "me" if about.casefold() in ("me", "myself", "mich", "moi") else about
    found = await desk.read("facts.of", {"subject": subject})
    if not found["facts"]:
        return Draft(f"I hold no facts about {quoted(about)}. Tell me some: “{about}’s number is …”.")
    lines = [f"- {escaped(f['predicate'])}: {escaped(plain(f['value'], 120))}" for f in found["facts"]]
    more = f"\n… and {found['total'] - len(lines)} more." if found["total"] > len(lines) else ""
    return Draft(f"What I hold about {quoted(about)}:\n" + "\n".join(lines) + more,
                 tuple(dict.fromkeys(proof(f, desk) for f in found["facts"][:4])))  # fmt: skip


async def _open(desk: Desk) -> Draft:
    found = await desk.read("facts.open", {})
    if not found["facts"]:
        return Draft("No fact is in doubt. Ask for one: “what is the accountant's number?”, or list them: /facts Ada.")
    lines = [
        f"- {whose(f['subject'], f['predicate'], f['quote'])}: {quoted(f['value'])} ({escaped(f['name'] or 'a text')})"
        for f in found["facts"][:8]
    ]
    more = f"\n… and {found['total'] - len(lines)} more." if found["total"] > len(lines) else ""
    doubt, choices = doubts(found["facts"][:1], held=False, desk=desk)
    return Draft(
        "In doubt, because somebody else says so:\n" + "\n".join(lines) + more + f"\n\n{doubt}", choices=choices
    )


AGENT = Agent(
    Manifest(
        name="facts",
        purpose="remember facts that the principal states, and settle doubtful ones",
        tools=frozenset({"facts.tell", "facts.settle", "facts.untell", "facts.about", "facts.of", "facts.open"}),
        examples=(
            "the accountant's number is +41 44 123 45 67",
            "my lawyer is Frau Keller",
            "the door code is 4711 until Friday",
            "list facts about Ada",
        ),
        arguments={"about": "whom or what to list facts about"},
    ),
    claim,
    work,
    commands={"facts": "facts about somebody, or those in doubt: /facts Ada"},
)
