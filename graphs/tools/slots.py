"""Busy and free: which events a time overlaps, and the next time that overlaps none. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

from graphs.tools.values import Event

WORK_BEGINS, WORK_ENDS, EVENING_ENDS = time(9), time(18), time(23)
SEARCH_DAYS = 14
_STEP = timedelta(minutes=15)


def overlapping(events: Iterable[Event], start: datetime, end: datetime) -> list[Event]:
    """The busy timed events in [start, end); those that only touch its edges are none, nor are all-day ones."""
    return [e for e in events if e.busy and not e.all_day and e.start < end and e.end > start]


def next_free(events: Sequence[Event], start: datetime, end: datetime) -> tuple[datetime, datetime] | None:
    """The first time of the same length from `start` on that overlaps nothing, inside working hours.

    Working hours are 9 to 18 from Monday to Friday. Who asks for an evening gets evenings (18 to 23, any day), who asks
    for a weekend may get one, and a time that only sticks out of working hours widens them to itself.
    """
    length = end - start
    for offset in range(SEARCH_DAYS):
        day = start + timedelta(days=offset)
        if day.weekday() > 4 and start.weekday() <= 4 and start.time() < WORK_ENDS:
            continue
        opens, closes = _hours(day, start, end)
        at = max(start, opens) if offset == 0 else opens
        while at + length <= closes:
            taken = overlapping(events, at, at + length)
            if not taken:
                return at, at + length
            at = _rounded(max(event.end for event in taken).astimezone(start.tzinfo))
    return None


def _hours(day: datetime, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    opens = min(WORK_BEGINS, start.time()) if start.time() < WORK_ENDS else WORK_ENDS
    closes = max(WORK_ENDS if start.time() < WORK_ENDS else EVENING_ENDS, end.time())
    if end.date() != start.date():
        closes = time(23, 59)
    return (
        day.replace(hour=opens.hour, minute=opens.minute, second=0, microsecond=0),
        day.replace(hour=closes.hour, minute=closes.minute, second=0, microsecond=0),
    )


def _rounded(at: datetime) -> datetime:
    """Up to the next quarter of an hour."""
    over = timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)
    return at if not over else at - over + _STEP
