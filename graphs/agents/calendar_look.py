"""Looking into the calendar: what is on, what is free, when the next event of a name is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from graphs.agent import Desk, Draft
from graphs.agents.base import asked, event_line, event_proof, event_times, is_timed, recall
from graphs.known import known
from graphs.tools.wording import escaped, quoted, times
from graphs.when import Ambiguous, Found, Impossible, Moment, Span, find
from knowledge.words import Evidence

_DAY = timedelta(days=1)
_DAYPART = re.compile(r"afternoon|evening|tonight|nachmittag|abend|soir|après-midi|tarde|noche|pomeriggio|sera", re.I)
_MORNING = re.compile(r"\b(?:morning|vormittag|matin|mattina)\b", re.I)


async def listed(when: str, desk: Desk) -> Draft:
    span = _range(when, desk)
    if isinstance(span, Draft):
        return span
    start, end = span
    events = (await desk.read("calendar.list", {"start": start.isoformat(), "end": end.isoformat()}))["events"]
    one_day = end - start <= _DAY
    title = (
        times(start.replace(hour=0, minute=0), end, all_day=True)
        if not one_day
        else times(start, start + _DAY, all_day=True)
    )
    title = title.removesuffix(", all day")
    if not events:
        return Draft(f"{title}: nothing in your calendar.")
    lines = [f"- {event_line(event, desk.zone, on=not one_day)}" for event in events[:40]]
    more = f"\n… and {len(events) - 40} more." if len(events) > 40 else ""
    return Draft(f"{title}:\n" + "\n".join(lines) + more, (Evidence("calendar", title),))


def _range(when: str, desk: Desk) -> tuple[datetime, datetime] | Draft:
    """The days (or the part of a day) to look at; today when none was named."""
    found = find(when, desk.now, desk.zone) if when.strip() else None
    if isinstance(found, Impossible):
        return Draft(escaped(found.sentence), asks=True)
    if isinstance(found, Ambiguous):
        return asked(found, "what's on", desk.now, desk.zone)
    if isinstance(found, Found) and isinstance(found.when, Span) and found.when.start and found.when.end:
        return found.when.start, found.when.end
    at = found.when.at if isinstance(found, Found) and isinstance(found.when, Moment) else desk.now
    start = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if _DAYPART.search(when):
        return (
            (start.replace(hour=12), start.replace(hour=18)) if at.hour < 18 else (start.replace(hour=17), start + _DAY)
        )
    return (start, start.replace(hour=13)) if _MORNING.search(when) and at.hour < 13 else (start, start + _DAY)


async def free(when: str, desk: Desk) -> Draft:
    found = find(when, desk.now, desk.zone) if when.strip() else None
    if isinstance(found, Impossible):
        return Draft(escaped(found.sentence), asks=True)
    if isinstance(found, Ambiguous):
        return asked(found, "am I free", desk.now, desk.zone)
    if not isinstance(found, Found) or not is_timed(found.when) or _DAYPART.search(when) or _MORNING.search(when):
        return await _free_times(when, desk)
    start, end = _hour_at(found.when)
    seen = await desk.read("calendar.conflicts", {"start": start.isoformat(), "end": end.isoformat()})
    if not seen["conflicts"]:
        return Draft(f"Yes, you are free {times(start, end)}.")
    lines = "\n".join(f"- {event_line(event, desk.zone, on=False)}" for event in seen["conflicts"])
    proofs = tuple(event_proof(event, desk.zone) for event in seen["conflicts"])
    later = seen["free"]
    after = f"\nThe next free time is {times(*event_times(later, desk.zone))}." if later else ""
    return Draft(f"No, {times(start, end)} is taken:\n{lines}{after}", proofs)


def _hour_at(when: Any) -> tuple[datetime, datetime]:
    if isinstance(when, Span) and when.start and when.end:
        return when.start, when.end
    return when.at, when.at + timedelta(hours=1)


async def _free_times(when: str, desk: Desk) -> Draft:
    """The gaps of a day (or of the days of a week) within working hours, or of the part of the day that was named."""
    span = _range(when, desk)
    if isinstance(span, Draft):
        return span
    start, end = span
    events = (await desk.read("calendar.list", {"start": start.isoformat(), "end": end.isoformat()}))["events"]
    busy = [event_times(e, desk.zone) for e in events if e["busy"] and not e["all_day"]]
    lines = []
    for number in range(min(7, max(1, round((end - start) / _DAY)))):
        opens = (start + number * _DAY).replace(hour=9) if end - start >= _DAY else start
        if opens.weekday() > 4 and end - start > _DAY:
            continue
        closes = opens.replace(hour=18) if end - start >= _DAY else end
        if gaps := _gaps(max(opens, desk.now), closes, busy):
            lines.append(f"- {times(opens, opens + _DAY, all_day=True).removesuffix(', all day')}: {', '.join(gaps)}")
    proofs = (Evidence("calendar", times(start, end)),) if events else ()
    if not lines:
        return Draft("No free time of half an hour or more there.", proofs)
    return Draft("You are free:\n" + "\n".join(lines), proofs)


def _gaps(opens: datetime, closes: datetime, busy: Sequence[tuple[datetime, datetime]]) -> list[str]:
    gaps, at = [], opens
    for begin, end in [*sorted(b for b in busy if b[1] > opens and b[0] < closes), (closes, closes)]:
        if begin - at >= timedelta(minutes=30):
            gaps.append(f"{at:%H:%M}–{begin:%H:%M}")
        at = max(at, end)
    return gaps


async def where(which: str, desk: Desk, goal: str) -> Draft:
    """The next event of that name; where the calendar has none, a fact or memory may know."""
    events = (await desk.read("calendar.find", {"words": which}))["events"]
    if timed := [each for each in events if which or not each["all_day"]]:
        return Draft(event_line(timed[0], desk.zone) + ".", (event_proof(timed[0], desk.zone),))
    if not which:
        return Draft("There is nothing in your calendar in the next 90 days.")
    return (
        await known(desk, goal)
        or (await recall(desk, goal))[0]
        or Draft(f"I don't know. There is no {quoted(which)} in your calendar in the next 90 days, nor in your notes.")
    )
