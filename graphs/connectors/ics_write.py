"""Events into ICS text: a new one, one changed, one occurrence taken out. Pure: text in, text out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from graphs.connectors.ics_read import NO_TITLE, aware, zone_of
from graphs.connectors.ics_text import Block, escaped, has, line, unescaped, value, with_lines, without
from graphs.tools.base import ToolTrouble
from graphs.tools.values import Event

_SERIES = ("RRULE", "RDATE", "EXDATE", "EXRULE")
_BOOKKEEPING = ("SEQUENCE", "LAST-MODIFIED", "DTSTAMP")


def new_event(event: Event, made: datetime, description: str) -> str:
    """The VEVENT of a new event; times in UTC, so that no time zone needs to be described."""
    lines = [f"UID:{event.uid}", *_stamps(made, 0), f"SUMMARY:{escaped(event.summary)}", *_span(event, "", None)]
    lines += [f"LOCATION:{escaped(event.location)}"] if event.location else []
    lines += [f"DESCRIPTION:{escaped(description)}"] if description else []
    return with_lines("BEGIN:VEVENT\r\nEND:VEVENT\r\n", *lines)


def changed(events: list[Block], event: Event, made: datetime, zones: str, zone: ZoneInfo) -> str:
    """All blocks of the UID with `event` as it should be; of a series only the occurrence that it names is touched."""
    if event.recurrence is None:
        if len(events) != 1:
            raise ToolTrouble("That event repeats; tell me which of its days you mean.")
        return _altered(events[0].text, event, made, zones, zone)
    _refuse_ranges(events)
    texts = [block.text for block in events]
    for at, text in enumerate(texts):
        if has(text, "RECURRENCE-ID") and _starts(text, "RECURRENCE-ID", zones, zone) == event.recurrence:
            return "".join([*texts[:at], _altered(text, event, made, zones, zone), *texts[at + 1 :]])
    series = _series(events)
    single = without(series, *_SERIES)
    marked = with_lines(single, _timed("RECURRENCE-ID", event.recurrence, line(series, "DTSTART"), zones, series, zone))
    return "".join([*texts, _altered(marked, event, made, zones, zone)])


def dropped(events: list[Block], recurrence: datetime | None, zones: str, zone: ZoneInfo) -> str:
    """All blocks of the UID without the occurrence `recurrence` (None: nothing remains)."""
    if recurrence is None:
        return ""
    _refuse_ranges(events)
    series = _series(events)
    excluded = _timed("EXDATE", recurrence, line(series, "DTSTART"), zones, series, zone)
    kept = []
    for block in events:
        if block.text == series:
            kept.append(with_lines(series, excluded))
        elif _starts(block.text, "RECURRENCE-ID", zones, zone) != recurrence:
            kept.append(block.text)
    return "".join(kept)


def _altered(text: str, event: Event, made: datetime, zones: str, zone: ZoneInfo) -> str:
    """One VEVENT with the event's title, place and time, where they differ; all other lines stay as they are."""
    sequence = int(value(text, "SEQUENCE")) if value(text, "SEQUENCE").isdecimal() else 0
    begins, written_in = line(text, "DTSTART"), zone_of(text, "DTSTART", zones)
    lines = _stamps(made, sequence + 1)
    text = without(text, *_BOOKKEEPING)
    for name, wanted in (("SUMMARY", event.summary), ("LOCATION", event.location)):
        if unescaped(value(text, name)).strip() != wanted.replace(NO_TITLE, ""):
            text = without(text, name)
            lines += [f"{name}:{escaped(wanted)}"] if wanted else []
    text = without(text, "DTSTART", "DTEND", "DURATION")
    return with_lines(text, *_span(event, begins, written_in or zone), *lines)


def _span(event: Event, like: str, zone: Any) -> list[str]:
    if event.all_day:
        last = max(event.end, event.start + timedelta(days=1))
        return [f"DTSTART;VALUE=DATE:{event.start:%Y%m%d}", f"DTEND;VALUE=DATE:{last:%Y%m%d}"]
    return [_written("DTSTART", event.start, like, zone), _written("DTEND", event.end, like, zone)]


def _written(name: str, at: datetime, like: str, zone: Any) -> str:
    """The time in the manner of the line `like`: in its zone, floating, or else in UTC."""
    named = re.search(r";TZID=(\"[^\"]*\"|[^;:]*)", like, re.I)
    if named:
        return f"{name};TZID={named[1]}:{at.astimezone(zone):%Y%m%dT%H%M%S}"
    if re.search(r":\d{8}T\d{6}$", like):
        return f"{name}:{at.astimezone(zone):%Y%m%dT%H%M%S}"
    return f"{name}:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _timed(name: str, at: datetime, like: str, zones: str, series: str, zone: ZoneInfo) -> str:
    if re.search(r":\d{8}$", like):
        return f"{name};VALUE=DATE:{at:%Y%m%d}"
    return _written(name, at, like, zone_of(series, "DTSTART", zones) or zone)


def _stamps(made: datetime, sequence: int) -> list[str]:
    stamp = f"{made.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return [f"DTSTAMP:{stamp}", f"LAST-MODIFIED:{stamp}", f"SEQUENCE:{sequence}"]


def _series(events: list[Block]) -> str:
    for block in events:
        if not has(block.text, "RECURRENCE-ID"):
            return block.text
    raise ToolTrouble("The calendar holds only single days of that repeating event, so I left it alone.")


def _refuse_ranges(events: list[Block]) -> None:
    if any("RANGE=THISANDFUTURE" in line(block.text, "RECURRENCE-ID").upper() for block in events):
        raise ToolTrouble(
            "That repeating event was changed “from here on” by another program; change it there, please."
        )


def _starts(text: str, name: str, zones: str, zone: ZoneInfo) -> datetime | None:
    digits = re.fullmatch(r"(\d{8})(?:T(\d{6})(Z?))?", value(text, name))
    if digits is None:
        return None
    if digits[2] is None:
        return aware(datetime.strptime(digits[1], "%Y%m%d").date(), zone)  # noqa: DTZ007  # a date has no zone
    at = datetime.strptime(digits[1] + digits[2], "%Y%m%d%H%M%S")  # noqa: DTZ007  # the zone comes next
    return at.replace(tzinfo=UTC if digits[3] else zone_of(text, name, zones) or zone)
