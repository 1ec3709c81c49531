"""The reading tools of the calendar: what is on, where something stands, whether a time is free and which is next."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from graphs.tools.base import Arguments, Receipt, Tool
from graphs.tools.reading import reading
from graphs.tools.slots import SEARCH_DAYS, next_free, overlapping
from graphs.tools.values import Calendar, Event
from graphs.tools.wording import local

_FILLERS = frozenset((  # words that every event could bear
    "my", "the", "a", "an", "with", "and", "of", "for", "event", "appointment", "meeting", "calendar", "one", "at",
    "in", "on", "mein", "meine", "meinen", "der", "die", "das", "den", "mit", "und", "termin", "treffen", "vom",
    "am", "um", "mon", "le", "la", "el", "il",
))  # fmt: skip


_OF_THE_EVENT = ("uid", "recurrence", "start", "end")
"""What says which event it is: no text."""


def reading_tools(calendar: Calendar, zone: ZoneInfo, clock: Callable[[], datetime]) -> list[Tool]:
    """calendar.list, .find, .event and .conflicts; times in their arguments and answers are ISO with offset.

    Foreign: whoever sends an invitation words an event.
    """

    async def between(start: datetime, end: datetime) -> list[Event]:
        return await asyncio.to_thread(calendar.between, start, end)

    async def list_events(arguments: Arguments, _key: str) -> Receipt:
        """start, end."""
        found = await between(local(arguments["start"], zone), local(arguments["end"], zone))
        return {"events": [event.to_json() for event in found]}

    async def find(arguments: Arguments, _key: str) -> Receipt:
        """words, start, end (default: from now on for 90 days); `at` ("15:00") narrows to that clock time."""
        start = local(arguments["start"], zone) if arguments.get("start") else clock().astimezone(zone)
        end = local(arguments["end"], zone) if arguments.get("end") else start + timedelta(days=90)
        found = [
            e for e in await between(start, end) if not arguments.get("at") or f"{e.start:%H:%M}" == arguments["at"]
        ]
        return {"events": [event.to_json() for event in matching(found, str(arguments["words"]))]}

    async def event(arguments: Arguments, _key: str) -> Receipt:
        """uid: the ICS text that stands under it, which a change must find unchanged."""
        return {"before": await asyncio.to_thread(calendar.text, str(arguments["uid"]))}

    async def conflicts(arguments: Arguments, _key: str) -> Receipt:
        """start, end, except (a uid not to count): what is taken, what else is on that day, the next free time."""
        start, end = local(arguments["start"], zone), local(arguments["end"], zone)
        morning = start.replace(hour=0, minute=0, second=0, microsecond=0)
        found = await between(morning, max(end, morning) + timedelta(days=SEARCH_DAYS))
        found = [each for each in found if each.uid != arguments.get("except") or not each.uid]
        taken = overlapping(found, start, end)
        free = next_free(found, start, end) if taken else None
        upto = max(end, morning + timedelta(days=1), *(moment for moment in free or ()))
        near = [e for e in overlapping(found, morning, upto) if abs(e.start.date() - start.date()) <= timedelta(days=1)]
        return {
            "conflicts": [each.to_json() for each in taken],
            "beside": [each.to_json() for each in near],
            "free": {"start": free[0].isoformat(), "end": free[1].isoformat()} if free else None,
        }

    return [
        reading("calendar.list", "list what is on between two times", list_events, foreign=True),
        reading(
            "calendar.find",
            "find events by words",
            find,
            foreign=True,
            names=("words",),
            issued=("uid", "recurrence", "start", "end"),
        ),
        reading("calendar.event", "read an event as the calendar holds it", event, foreign=True),
        reading("calendar.conflicts", "see what a time collides with, and the next free one", conflicts, foreign=True),
    ]


def matching(events: Iterable[Event], words: str) -> list[Event]:
    """The events whose title or place hold all of `words`; words that every event could bear don't count."""
    events = list(events)
    wanted = _terms(words)
    exact = [event for event in events if wanted <= _terms(f"{event.summary} {event.location}")]
    if exact or not wanted - _FILLERS:
        return exact or (events if not wanted - _FILLERS else [])
    return [event for event in events if wanted - _FILLERS <= _terms(f"{event.summary} {event.location}")]


def _terms(text: str) -> set[str]:
    found = re.findall(r"[^\W_]+", re.sub(r"['’]s\b", "", text.casefold()))
    return {word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in found}
