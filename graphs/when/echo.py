"""Says a time back, so that the principal sees the absolute reading of their words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from .dates import MONTHS
from .every import CODES
from .values import Moment, Recurrence, Span, When
from .zones import repeated

_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = tuple(name[:3] for name in _NAMES)
_UNITS = {
    "MINUTELY": "minute",
    "HOURLY": "hour",
    "DAILY": "day",
    "WEEKLY": "week",
    "MONTHLY": "month",
    "YEARLY": "year",
}


def say(when: When, now: datetime, zone: ZoneInfo) -> str:
    """One line of English. For a Moment, `find` reads it back to the same minute."""
    here = now.astimezone(zone)
    if isinstance(when, Recurrence):
        return _recurrence(when, here, zone)
    if isinstance(when, Moment):
        return _moment(when, here, zone)
    return _span(when, here, zone)


def _date(at: datetime) -> str:
    return f"{_SHORT[at.weekday()]} {at.day} {MONTHS[at.month - 1][:3]} {at.year}"


def _clock(at: datetime) -> str:
    if not repeated(at):
        return f"{at:%H:%M}"
    return f"{at:%H:%M} {'second' if at.fold else 'first'} time"


def _moment(when: Moment, here: datetime, zone: ZoneInfo) -> str:
    at = when.at.astimezone(zone)
    if when.all_day:
        return f"{_date(at)} ({_distance_of_days((at.date() - here.date()).days)})"
    return f"{_date(at)}, {_clock(at)} ({_distance(at, here)})"


def _distance_of_days(days: int) -> str:
    if days in (-1, 0, 1):
        return ("yesterday", "today", "tomorrow")[days + 1]
    return f"in {days} days" if days > 0 else f"{-days} days ago"


def _distance(at: datetime, here: datetime) -> str:
    apart = at.astimezone(UTC) - here.astimezone(UTC)
    minutes = round(abs(apart) / timedelta(minutes=1))
    if minutes == 0:
        seconds = round(apart / timedelta(seconds=1))
        return f"in {seconds} s" if seconds > 0 else "now"
    days = (at.date() - here.date()).days
    if minutes >= 1440 or (minutes >= 720 and days):
        return _distance_of_days(days)
    return f"in {_length(minutes)}" if apart > timedelta() else f"{_length(minutes)} ago"


def _length(minutes: int) -> str:
    days, rest = divmod(minutes, 1440)
    hours, left = divmod(rest, 60)
    parts = [(days, "day" if days == 1 else "days"), (hours, "h"), (left, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 min"


def _span(when: Span, here: datetime, zone: ZoneInfo) -> str:
    if when.start is None or when.end is None:
        return f"for {_length(round(when.length / timedelta(minutes=1)))}"
    start, end = when.start.astimezone(zone), when.end.astimezone(zone)
    if when.all_day:
        last = end - timedelta(hours=12)  # inside the last day, also where midnight was skipped
        far = _distance_of_days((start.date() - here.date()).days)
        return f"{_date(start)} ({far})" if last.date() == start.date() else f"{_date(start)} – {_date(last)}"
    if end.date() == start.date():
        return f"{_date(start)}, {_clock(start)}–{_clock(end)} ({_distance(start, here)})"
    return f"{_date(start)}, {_clock(start)} – {_date(end)}, {_clock(end)}"


def _recurrence(when: Recurrence, here: datetime, zone: ZoneInfo) -> str:
    first = when.first.astimezone(zone)
    parts = dict(part.split("=", 1) for part in when.rule.split(";") if "=" in part)
    line = _rhythm(parts, first)
    if parts.get("FREQ") not in ("HOURLY", "MINUTELY"):
        hours = [int(each) for each in parts.get("BYHOUR", str(first.hour)).split(",")]
        minute = int(parts.get("BYMINUTE", first.minute))
        line += " at " + " and ".join(f"{hour:02}:{minute:02}" for hour in hours)
    line += f", first on {_SHORT[first.weekday()]} {first.day} {MONTHS[first.month - 1][:3]}"
    line += f" {first.year}" if first.year != here.year else ""
    line += f", {first:%H:%M}" if parts.get("FREQ") in ("HOURLY", "MINUTELY") else ""
    if "UNTIL" in parts:
        line += f", until {_date(_stamp(parts['UNTIL']).astimezone(zone))}"
    return line + (f", {parts['COUNT']} times" if "COUNT" in parts else "")


def _stamp(text: str) -> datetime:
    return datetime.strptime(text[:8] + (text[9:15] or "000000"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _rhythm(parts: dict[str, str], first: datetime) -> str:
    freq, interval = parts.get("FREQ", ""), int(parts.get("INTERVAL", "1"))
    unit = _UNITS.get(freq, freq.lower())
    days = parts.get("BYDAY", "")
    if freq == "WEEKLY" and interval < 3:
        each = "every other" if interval == 2 else "every"
        return f"{each} {_weekdays(days) or _NAMES[first.weekday()]}"
    every = f"every {unit}" if interval == 1 else f"every {interval} {unit}s"
    if freq == "WEEKLY":
        return f"{every} on {_weekdays(days) or _NAMES[first.weekday()]}"
    if freq == "MONTHLY":
        return f"on the {_in_month(parts, first)} of {every}"
    if freq == "YEARLY":
        return f"{every} on {parts.get('BYMONTHDAY', first.day)} {MONTHS[int(parts.get('BYMONTH', first.month)) - 1]}"
    return every


def _weekdays(days: str) -> str:
    numbers = [CODES.index(code) for code in days.split(",") if code in CODES]
    if numbers == [0, 1, 2, 3, 4]:
        return "weekday"
    names = [_NAMES[number] for number in numbers]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1] if names else ""


def _in_month(parts: dict[str, str], first: datetime) -> str:
    day = parts.get("BYDAY", "")
    if day[-2:] in CODES:
        nth = int(day[:-2] or 1)
        return f"{'last' if nth == -1 else _nth(nth)} {_NAMES[CODES.index(day[-2:])]}"
    number = int(parts.get("BYMONTHDAY", first.day))
    return "last day" if number == -1 else _nth(number)


def _nth(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
