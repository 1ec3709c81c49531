"""A new event out of words: title, place, time and length; a busy time is named and the next free one proposed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from graphs.agent import Desk, Draft, Wish
from graphs.agents.base import Json, asked, event_proof, is_timed, lead_of, phrase
from graphs.tools.wording import escaped, plain, quoted
from graphs.when import Ambiguous, Impossible, Moment, Recurrence, Span, When, find

# How long an event lasts when nobody says: meals an hour, calls and the like half an hour, the rest an hour.
_SHORT = re.compile(
    r"\b(?:call|coffee|tea|stand-?up|catch-?up|check-?in|sync|1:1|one-on-one|anruf|telefonat|kaffee)\b", re.I
)
_HALF_HOUR, _HOUR = timedelta(minutes=30), timedelta(hours=1)
_ANY_TIMES = ((9, 0), (11, 0), (14, 0), (16, 0))
_USUAL = (
    (re.compile(r"\b(?:breakfast|frühstück)\b", re.I), ((8, 0), (8, 30), (9, 0))),
    (re.compile(r"\b(?:lunch|mittagessen|déjeuner|comida|pranzo)\b", re.I), ((12, 0), (12, 30), (13, 0))),
    (re.compile(r"\b(?:dinner|drinks|abendessen|dîner|cena)\b", re.I), ((19, 0), (19, 30), (20, 0))),
)
_ALL_DAY = re.compile(r"\b(?:all[\s-]day|ganzt[äa]gig|the\s+whole\s+day|toute\s+la\s+journée)\b", re.I)
_PLACE = re.compile(
    r"^(?P<what>.+?)\s+(?:at|in|@|im|bei|beim|chez|en|da)\s+(?P<place>(?:the|my|our|room|der|dem|meinem|his|her|le|la|el)\s+.+|[A-ZÄÖÜÉ0-9“\"'].*)$",
    re.S,
)
_CLOCK = re.compile(r"(?:[01]?\d|2[0-4])(?:[:.h][0-5]\d)?\s*(?:am|pm|h|uhr|o['’]clock)?", re.I)
_LEFTOVERS = re.compile(
    r"^(?:(?:a|an|the|my|me|have|einen?|called|titled|named|for|on)\s+)+|\s+(?:on|at|for|from|the|um|am)$", re.I
)


async def create(what: str, desk: Desk) -> Draft:
    all_day = bool(_ALL_DAY.search(what))
    found = find(_ALL_DAY.sub(" ", what), desk.now, desk.zone)
    lead = plain(lead_of(found) if isinstance(found, Ambiguous) else found.rest if found else what)
    title, place = title_and_place(lead)
    if isinstance(found, Impossible):
        return Draft(escaped(found.sentence), asks=True)
    if isinstance(found, Ambiguous):
        return asked(found, f"schedule {lead}" + (" all day" if all_day else ""), desk.now, desk.zone)
    if found is None:
        return Draft(
            f"When shall {quoted(title)} be?",
            asks=True,
            choices=tuple(f"schedule {lead} {d}" for d in ("today", "tomorrow")),
        )
    if isinstance(found.when, Recurrence):
        return _repeating(lead, found.when, desk)
    if isinstance(found.when, Span) and found.when.start is None:
        return Draft(f"When shall {quoted(title)} be?", asks=True)
    if not is_timed(found.when):
        days_named = isinstance(found.when, Span) and found.when.length > timedelta(days=1) and not _is_week(found.when)
        if all_day or days_named:
            return _whole_days(title, place, found.when, desk)
        return await _which_time(lead, title, found.when, desk)
    if _CLOCK.fullmatch(place):
        return Draft(
            f"I found two times in that, the other one at {escaped(place)}. Tell me one event at a time.", asks=True
        )
    start, end = start_and_end(found.when, title)
    return await _timed(title, place, start, end, desk)


def title_and_place(lead: str) -> tuple[str, str]:
    """ "lunch with Ada at Luigi's" → ("Lunch with Ada", "Luigi's"); a place has a capital, a figure or an article."""
    lead = plain(_LEFTOVERS.sub("", plain(lead))).strip(' ,;:.-–—“”"')
    found = _PLACE.match(lead)
    title, place = (found["what"], found["place"]) if found else (lead, "")
    title = title.strip(" ,;:") or "Event"
    return title[:1].upper() + title[1:], place.strip(' ,;:.“”"')


def start_and_end(when: When, title: str) -> tuple[datetime, datetime]:
    if isinstance(when, Span) and when.start and when.end:
        return when.start, when.end
    if not isinstance(when, Moment):
        raise TypeError("a timed moment or span is expected")
    return when.at, when.at + (_HALF_HOUR if _SHORT.search(title) else _HOUR)


async def _timed(title: str, place: str, start: datetime, end: datetime, desk: Desk) -> Draft:
    seen = await desk.read("calendar.conflicts", {"start": start.isoformat(), "end": end.isoformat()})
    arguments = {**described(title, place, start, end, desk), "beside": [slim(event) for event in seen["beside"]]}
    taken, free = seen["conflicts"], seen["free"]
    if not taken:
        return Draft(wishes=(_wish(arguments, desk),))
    proofs = tuple(event_proof(event, desk.zone) for event in taken)
    if free is None:  # two full weeks: the card names what it overlaps
        return Draft(evidence=proofs, wishes=(_wish(arguments, desk, proofs),))
    other = {**arguments, **free, "asked": {"start": arguments["start"], "end": arguments["end"]}}
    return Draft(evidence=proofs, wishes=(_wish(other, desk, proofs),))


def described(title: str, place: str, start: datetime, end: datetime, desk: Desk) -> dict[str, Any]:
    return {
        "summary": title,
        "start": start.isoformat(timespec="seconds"),
        "end": end.isoformat(timespec="seconds"),
        "zone": desk.zone.key,
        "location": place,
        "made": desk.now.isoformat(timespec="seconds"),
    }


def slim(event: Json) -> dict[str, Any]:
    """What the card needs of another event to name it."""
    return {name: event[name] for name in ("summary", "start", "end")}


def _wish(arguments: Json, desk: Desk, proofs: tuple[Any, ...] = ()) -> Wish:
    said = (desk.words_value,)
    origins = dict.fromkeys(("summary", "start", "end", "location"), said)
    return Wish("calendar.create", arguments, proofs, origins, "you asked for it")


def _whole_days(title: str, place: str, when: When, desk: Desk) -> Draft:
    at = when.at if isinstance(when, Moment) else when.start if isinstance(when, Span) else None
    if at is None:
        return Draft(f"On which day shall {quoted(title)} be?", asks=True)
    start = at.replace(hour=0, minute=0, second=0, microsecond=0)
    end = when.end if isinstance(when, Span) and when.end else start + timedelta(days=1)
    return Draft(wishes=(_wish({**described(title, place, start, end, desk), "all_day": True}, desk),))


async def _which_time(lead: str, title: str, when: When, desk: Desk) -> Draft:
    """A day and no time: offer the day's free times."""
    begin = when.at if isinstance(when, Moment) else when.start if isinstance(when, Span) and when.start else desk.now
    choices = []
    for hour, minute in next((times for kind, times in _USUAL if kind.search(title)), _ANY_TIMES):
        start = begin.replace(hour=hour, minute=minute, second=0, microsecond=0)
        seen = await desk.read("calendar.conflicts", {"start": start.isoformat(), "end": (start + _HOUR).isoformat()})
        if start > desk.now and not seen["conflicts"]:
            choices.append(f"schedule {lead} {phrase(Moment(start, ''), desk.now, desk.zone)}")
    choices = [*choices[:3], f"schedule {lead} all day on {begin:%Y-%m-%d}"]
    return Draft(f"At what time shall {quoted(title)} be?", asks=True, choices=tuple(choices))


def _repeating(lead: str, when: Recurrence, desk: Desk) -> Draft:
    first = phrase(Moment(when.first, ""), desk.now, desk.zone)
    text = "I can't put repeating events into the calendar yet. I can make the first one, or remind you every time."
    rhythm = phrase(when, desk.now, desk.zone)
    return Draft(text, asks=True, choices=(f"schedule {lead} {first}", f"remind me {rhythm} about {lead}"))


def _is_week(when: Span) -> bool:
    """A whole week or month was named ("next week"): a day is still missing."""
    return when.length in (timedelta(days=7), timedelta(days=2)) or when.length > timedelta(days=27)
