"""The agent of the brief: what today holds, in one message: calendar, reminders, open approvals."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task
from graphs.agents.base import Json, event_line
from graphs.tools.base import ToolTrouble
from graphs.tools.wording import day, escaped, plain

_CLAIM = re.compile(
    r"^\s*(?:(?:please|bitte|hey|hi|ok|okay)[,\s]+)*(?:"
    r"(?:brief\s+me|(?:give\s+me|show\s+me)\s+(?:my|the|a)\s+(?:daily\s+|morning\s+)?brief(?:ing)?|(?:my\s+)?(?:daily|morning)\s+brief(?:ing)?|brief(?:ing)?)"
    r"(?:\s+(?:please|for\s+today|today))?|good\s+morning(?:[\s,]+steward)?|guten\s+morgen(?:[\s,]+steward)?|bonjour|buenos\s+d[ií]as|buongiorno"
    r"|how\s+does\s+my\s+day\s+look|what\s+does\s+my\s+day\s+look\s+like|wie\s+sieht\s+mein\s+tag\s+aus)\s*[.!?☀️🌞]*\s*$",
    re.I,
)


def claim(words: str, _now: datetime, _zone: ZoneInfo) -> Mapping[str, Any] | None:
    return {} if len(words) < 200 and _CLAIM.match(words) else None


async def work(_task: Task, desk: Desk) -> Draft:
    morning = desk.now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = {"start": morning.isoformat(), "end": (morning + timedelta(days=1)).isoformat()}
    calendar, reminders, cards = await asyncio.gather(
        _read(desk, "calendar.list", today, "events"),
        _read(desk, "timers.list", {"state": "armed"}, "timers"),
        _read(desk, "house.open_cards", {}, "cards"),
    )
    due = reminders if isinstance(reminders, str) else _due(reminders, desk.now, desk.zone)
    sections = (
        _section("Calendar", calendar, lambda e: event_line(e, desk.zone, on=False), "nothing today"),
        _section("Reminders", due, lambda t: _reminder(t, desk.zone), "none today"),
        _section("Waiting for your decision", cards, lambda c: _card(c, desk.zone), "nothing"),
    )
    return Draft(f"**{day(desk.now)}**\n\n" + "\n\n".join(sections))


async def _read(desk: Desk, tool: str, arguments: Json, name: str) -> Sequence[Json] | str:
    """What the tool lists, or the sentence it fails with: one broken store does not spoil the brief."""
    try:
        return list((await desk.read(tool, arguments))[name])
    except ToolTrouble as trouble:
        return str(trouble)


def _section(title: str, found: Sequence[Json] | str, line: Any, empty: str) -> str:
    if isinstance(found, str):
        return f"**{title}**: {escaped(found)}"
    if not found:
        return f"**{title}**: {empty}."
    return f"**{title}**\n" + "\n".join(f"- {line(each)}" for each in found)


def _due(timers: Sequence[Json], now: datetime, zone: ZoneInfo) -> list[Json]:
    """Those of today, and those that are late."""
    return [each for each in timers if datetime.fromisoformat(each["due"]).astimezone(zone).date() <= now.date()]


def _reminder(timer: Json, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(timer['due']).astimezone(zone):%H:%M} {escaped(plain(timer['text'], 120))}"


def _card(card: Json, zone: ZoneInfo) -> str:
    """A card as the house tells it: `made_at` (ms) and the renderings of what it asks, which are Markdown of our own."""
    since = datetime.fromtimestamp(card["made_at"] / 1000, zone)
    first, *others = [str(rendering).partition("\n")[0] for rendering in card["proposals"]] or [
        "a card without proposals"
    ]
    more = f" and {len(others)} more" if others else ""
    return f"since {since:%H:%M}: {first}{more}"


AGENT = Agent(
    Manifest(
        name="brief",
        purpose="tell what today holds: calendar, reminders and open approvals",
        tools=frozenset({"calendar.list", "timers.list", "house.open_cards"}),
        examples=("brief me", "good morning", "give me my morning briefing", "how does my day look?"),
    ),
    claim,
    work,
    commands={"brief": "today's calendar, reminders and open approvals"},
)
