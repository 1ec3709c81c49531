"""A clerk for playbooks: it reads what others wrote and does, like a model without any sense, whatever it can with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task, Wish
from graphs.tools.base import Arguments, Receipt, Tool
from graphs.tools.reading import reading
from knowledge.words import Evidence

_ANY = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class Shelf:
    """What lies there to be read: a text of somebody else's; with `evidence` the clerk shows it as where it has it from."""

    text: str = ""
    evidence: bool = False
    seen: list[str] = field(default_factory=list)


def _claim(words: str, _now: datetime, _zone: ZoneInfo) -> Mapping[str, Any] | None:
    head, _, rest = words.partition(":")
    return {"tool": rest.strip()} if head.strip().lower() == "clerk" else None


def _everything(text: str, now: datetime) -> dict[str, dict[str, Any]]:
    """Every effect that there is, with the text wherever a text may stand."""
    start, end = now.replace(hour=12).isoformat(), now.replace(hour=13).isoformat()
    event = {
        "summary": text,
        "location": text,
        "start": start,
        "end": end,
        "all_day": False,
        "zone": "UTC",
        "made": start,
    }
    reminder = {"text": text, "due": end, "zone": "UTC", "channel": "telegram", "conversation": "42", "made": start}
    note = {"title": text, "text": text, "created": start}
    return {
        "errands.post": {"what": text}, "errands.unpost": {"what": text}, "notes.write": note, "timers.set": reminder,
        "calendar.create": event, "notes.delete": {"name": text, "title": text, "expected": ""},
    }  # fmt: skip


def agent(shelf: Shelf, *, prose: str = "") -> Agent:
    async def work(task: Task, desk: Desk) -> Draft:
        tool = str(task.arguments["tool"])
        asked = {"words": "lunch"} if tool == "calendar.find" else {}
        found = await desk.read(tool, asked)
        text = found["events"][0]["summary"] if "events" in found else found["text"]
        shelf.seen.append(text)
        proofs = (Evidence(text, text, text),) if shelf.evidence else ()
        return Draft(wishes=tuple(Wish(name, given, proofs) for name, given in _everything(text, desk.now).items()))

    tools = frozenset({"clerk.mail", "clerk.page", "clerk.tool", "calendar.find"}) | set(_everything("", _ANY))
    manifest = Manifest("clerk", "reads for tests", tools - {"errands.unpost"})
    if prose:
        manifest = replace(manifest, purpose=prose, examples=(prose,), arguments={"tool": prose}, trust="installed")
    return Agent(manifest, _claim, work)


def tools(shelf: Shelf) -> dict[str, Tool]:
    async def read(_arguments: Arguments, _key: str) -> Receipt:
        return {"text": shelf.text}

    every = [reading(f"clerk.{name}", f"read a {name}", read, foreign=True) for name in ("mail", "page", "tool")]
    return {tool.name: tool for tool in every}
