"""Events out of an iCalendar file: the occurrences in a window, recurring ones unfolded, unreadable ones left out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from graphs.connectors.ics_text import Block, has, value
from graphs.tools.values import Event

if TYPE_CHECKING:
    from icalendar import Calendar

_DAY = timedelta(days=1)
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError)
_TOO_FINE = re.compile(r"FREQ=(SECONDLY|MINUTELY)", re.I)
MAX_OCCURRENCES = 5_000
NO_TITLE = "(no title)"


def occurrences(blocks: Sequence[Block], start: datetime, end: datetime, zone: ZoneInfo) -> list[Event]:
    """Everything that touches [start, end), in order of time; cancelled events are left out."""
    groups: dict[str, list[Block]] = defaultdict(list)
    for number, block in enumerate(blocks):
        if block.name == "VEVENT":
            groups[block.uid or f"\0{number}"].append(block)
    near = [group for group in groups.values() if _may_touch(group, start, end)]
    zones = "".join(block.text for block in blocks if block.name == "VTIMEZONE")
    found = [event for group in near for event in _of_group(group, zones, start, end, zone)]
    return sorted(found, key=lambda event: (event.start, event.end, event.summary))[:MAX_OCCURRENCES]


def _may_touch(group: list[Block], start: datetime, end: datetime) -> bool:
    """Cheaply from the digits of DTSTART and DTEND, so that a large file costs little; recurring ones may always."""
    if len(group) > 1 or has(group[0].text, "RRULE", "RDATE"):
        return not _TOO_FINE.search(value(group[0].text, "RRULE"))
    first = _day_of(value(group[0].text, "DTSTART"))
    if first is None or first > end.date() + _DAY:
        return False
    if has(group[0].text, "DURATION"):
        return True
    return (_day_of(value(group[0].text, "DTEND")) or first + _DAY) >= start.date() - _DAY


def _day_of(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def _of_group(group: list[Block], zones: str, start: datetime, end: datetime, zone: ZoneInfo) -> list[Event]:
    try:
        calendar = _parsed("".join(block.text for block in group), zones)
        recurring = len(group) > 1 or has(group[0].text, "RRULE", "RDATE")
        components: Iterable[Any] = _unfolded(calendar, start, end) if recurring else calendar.walk("VEVENT")
        events = [_event(component, group[0].uid, recurring, zone) for component in components]
    except _UNREADABLE:
        return []
    return [e for e in events if e is not None and e.start < end and (e.end > start or e.start >= start)]


def _parsed(events: str, zones: str) -> Calendar:
    from icalendar import Calendar

    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-\r\n{zones}{events}END:VCALENDAR\r\n"
    return Calendar.from_ical(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _unfolded(calendar: Calendar, start: datetime, end: datetime) -> list[Any]:
    import recurring_ical_events  # type: ignore[import-untyped]

    return list(recurring_ical_events.of(calendar, skip_bad_series=True).between(start, end))


def _event(component: Any, uid: str, recurring: bool, zone: ZoneInfo) -> Event | None:
    if str(component.get("STATUS", "")).upper() == "CANCELLED":
        return None
    begins = component["DTSTART"].dt
    all_day = not isinstance(begins, datetime)
    if "DTEND" in component:
        ends = component["DTEND"].dt
    elif "DURATION" in component:
        ends = begins + component["DURATION"].dt
    else:
        ends = begins + _DAY if all_day else begins
    planned = component["RECURRENCE-ID"].dt if "RECURRENCE-ID" in component else begins
    return Event(
        uid=uid,
        summary=str(component.get("SUMMARY", "")).strip() or NO_TITLE,
        start=aware(begins, zone),
        end=max(aware(ends, zone), aware(begins, zone)),
        all_day=all_day,
        location=str(component.get("LOCATION", "")).strip(),
        recurrence=aware(planned, zone) if recurring else None,
        busy=str(component.get("TRANSP", "")).upper() != "TRANSPARENT",
    )


def aware(at: date | datetime, zone: ZoneInfo) -> datetime:
    """A date as its midnight, a floating time as the principal's, any other in the principal's zone."""
    if not isinstance(at, datetime):
        return datetime.combine(at, time(), zone)
    return at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone)


def zone_of(event: str, name: str, zones: str) -> Any:
    """The tzinfo in which the event's property `name` is written: None for floating times, dates and unknown zones."""
    try:
        component: Any = next(iter(_parsed(event, zones).walk("VEVENT")))
        found = component[name].dt
    except (*_UNREADABLE, StopIteration):
        return None
    return found.tzinfo if isinstance(found, datetime) else None
