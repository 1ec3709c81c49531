"""What agents share: a time as words that mean it again, and an answer from memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Desk, Draft, Hit
from graphs.tools.wording import day, escaped, plain, quoted, times
from graphs.when import Ambiguous, Found, Moment, Recurrence, Span, When, find, say
from knowledge.words import Evidence

Json = Mapping[str, Any]


def phrase(when: When, now: datetime, zone: ZoneInfo) -> str:
    """Words that have this one reading: what a quick answer is made of."""
    if isinstance(when, Recurrence):
        return say(when, now, zone).split(", first on")[0]
    if isinstance(when, Moment):
        return f"on {when.at:%Y-%m-%d}" + ("" if when.all_day else f" at {when.at:%H:%M}")
    if when.start is None or when.end is None:
        return when.text
    if when.all_day:
        return f"on {when.start:%Y-%m-%d}"
    if when.start.date() == when.end.date():
        return f"on {when.start:%Y-%m-%d} from {when.start:%H:%M} to {when.end:%H:%M}"
    return f"on {when.start:%Y-%m-%d} at {when.start:%H:%M} for {int(when.length.total_seconds() // 60)} minutes"


def asked(found: Ambiguous, lead: str, now: datetime, zone: ZoneInfo) -> Draft:
    """The question, with whole sentences as quick answers: `lead` is the principal's sentence without its time."""
    clear = (words for choice in found.choices if (words := phrase(choice, now, zone)) and _is_clear(words, now, zone))
    return Draft(found.question, asks=True, choices=tuple(f"{lead} {words}".strip() for words in clear))


def lead_of(found: Ambiguous) -> str:
    """The sentence without any of its times; where several were named, the grammar leaves them in."""
    rest = found.rest
    for choice in found.choices:
        rest = re.sub(rf"(?:\b(?:and|or|und|oder)\s+)?{re.escape(choice.text)}", " ", rest) if choice.text else rest
    return " ".join(rest.split())


def _is_clear(words: str, now: datetime, zone: ZoneInfo) -> bool:
    return isinstance(find(words, now, zone), Found)


def only_time(text: str, now: datetime, zone: ZoneInfo) -> bool:
    """Whether `text` names a time and says nothing else."""
    found = find(text, now, zone)
    return found is not None and not found.rest.strip(" ?!.,'’s")


def event_line(event: Json, zone: ZoneInfo, *, on: bool = True) -> str:
    """An event as a line of a list: "12:30–13:30 Lunch with Ada (Luigi's)", with its day in front when `on`."""
    start, end = event_times(event, zone)
    place = f" ({escaped(plain(event['location'], 60))})" if event["location"] else ""
    name = escaped(plain(event["summary"], 100))
    if event["all_day"]:
        return f"{times(start, end, all_day=True)}: {name}{place}" if on else f"all day: {name}{place}"
    if on or start.date() != end.date():
        return f"{times(start, end)}: {name}{place}"
    return f"{start:%H:%M}–{end:%H:%M} {name}{place}"


def event_times(event: Json, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start, end = (datetime.fromisoformat(event[name]).astimezone(zone) for name in ("start", "end"))
    return start, end


def event_proof(event: Json, zone: ZoneInfo) -> Evidence:
    start = datetime.fromisoformat(event["start"]).astimezone(zone)
    return Evidence("calendar", f"{day(start)}, {start:%H:%M}", plain(event["summary"], 200))


def offer(words: str) -> Draft:
    """To keep as a note what nobody understood. It has no words of its own: the answer says what it is about."""
    return Draft(choices=(f"note: {words}",))


async def recall(desk: Desk, query: str, k: int = 8) -> tuple[Draft | None, list[Hit]]:
    """An answer from memory that cites where it stands, or None; and what was found."""
    from knowledge.retriever.passage import answerable, passage

    hits = await desk.memory.search(query, k=k)
    if not hits or not answerable(query, hits):
        return None, hits
    words = passage(query, hits[0])
    return Draft(escaped(words), proofs(hits[0], words)), hits


def nearest(query: str, hits: list[Hit]) -> Draft | None:
    """What may be the answer, told and cited as no more than that; None when nothing is near enough."""
    from knowledge.retriever.passage import LIKELY, confidence, passage

    if confidence(query, hits) < LIKELY:
        return None
    words = passage(query, hits[0])
    return Draft(f"I don't know for sure. The nearest that I found: {quoted(words)}", proofs(hits[0], words))


def proofs(hit: Hit, words: str) -> tuple[Evidence, ...]:
    """Every source that says it, three at most."""
    return tuple(proof(one, words) for one in (hit, *hit.also[:2]))


def proof(hit: Hit, words: str) -> Evidence:
    """What the answer cites: the document, the place in it and its date."""
    place = ", ".join(filter(None, (plain(hit.place), day(hit.dated))))
    return Evidence(hit.name, place, plain(words, 300), hit.integrity)


def is_timed(when: When) -> bool:
    """Whether a clock time was named or meant, and not just a day."""
    return (isinstance(when, Moment) and not when.all_day) or (isinstance(when, Span) and not when.all_day)
