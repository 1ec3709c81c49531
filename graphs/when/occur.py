"""The next occurrence of a rule, in the wall-clock time of its zone: 09:00 stays 09:00 when the clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .values import Recurrence
from .zones import place, wall

if TYPE_CHECKING:
    from dateutil.rrule import rrule  # type: ignore[import-untyped]

_LOOK_BACK = timedelta(days=1)
_STEPS = {"MINUTELY": 60, "HOURLY": 3600}


def occurrence_after(rule: Recurrence | str, first: datetime, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The earliest occurrence strictly after `after`, or None when the rule has ended.

    `first` is the rule's DTSTART. A time skipped by the clocks moves forward by the gap, a repeated one counts once,
    the first time. Hours and minutes count elapsed time. Raises ValueError on a rule that is no RFC 5545 rule.
    """
    if first > after:
        return first.astimezone(zone)
    return next_of(rule.rule if isinstance(rule, Recurrence) else rule, first, zone, after)


def next_of(text: str, first: datetime, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The same, where `first` only sets the rhythm and need not itself be an occurrence."""
    parts = dict(part.split("=", 1) for part in text.upper().split(";") if "=" in part)
    if parts.get("FREQ") in _STEPS and not any(name.startswith("BY") for name in parts):
        return _elapsed(parts, first, zone, after)
    start = wall(first.astimezone(zone))
    seen = wall(after.astimezone(zone))
    best: datetime | None = None
    for each in _walls(text.upper(), _forward(parts, start, seen), start, zone, seen - _LOOK_BACK):
        at = place(each, zone)
        if best is not None and each > wall(best):
            break
        if at > after and (best is None or at < best):
            best = at
    return best


def _elapsed(parts: dict[str, str], first: datetime, zone: ZoneInfo, after: datetime) -> datetime | None:
    begin, seen = first.astimezone(UTC), after.astimezone(UTC)
    step = timedelta(seconds=_STEPS[parts["FREQ"]] * int(parts.get("INTERVAL", "1")))
    if step <= timedelta():
        raise ValueError("INTERVAL of a rule must be at least 1")
    number = 0 if seen < begin else (seen - begin) // step + 1
    if "COUNT" in parts and number >= int(parts["COUNT"]):
        return None
    at = (begin + number * step).astimezone(zone)
    until = _until(parts, zone)
    return None if until is not None and wall(at) > until else at


def _until(parts: dict[str, str], zone: ZoneInfo) -> datetime | None:
    text = parts.get("UNTIL")
    if text is None:
        return None
    if len(text) == 8:
        text += "T235959"
    stamp = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - the zone is set on the next line
    return wall(stamp.replace(tzinfo=UTC).astimezone(zone)) if text.endswith("Z") else stamp


def _forward(parts: dict[str, str], start: datetime, seen: datetime) -> datetime:
    """A start nearer to `seen` with the same rhythm, so that an old rule costs no more than a new one."""
    size = {"DAILY": 1, "WEEKLY": 7}.get(parts.get("FREQ", ""))
    if size is None or "COUNT" in parts or (parts.get("INTERVAL", "1") != "1" and parts.get("WKST", "MO") != "MO"):
        return start
    step = size * int(parts.get("INTERVAL", "1"))
    whole = ((seen - start).days - 8) // step if step > 0 else 0
    return start + timedelta(days=whole * step) if whole > 0 else start


def _walls(text: str, start: datetime, first: datetime, zone: ZoneInfo, since: datetime) -> Iterator[datetime]:
    rule = _rule(text, start, zone)
    return iter(rule.xafter(max(since, first - timedelta(seconds=1)), inc=True))


@lru_cache(maxsize=256)
def _rule(text: str, start: datetime, zone: ZoneInfo) -> rrule:
    from dateutil.rrule import rrule, rrulestr

    parts = [part for part in text.split(";") if part and not part.startswith("UNTIL=")]
    until = _until(dict(part.split("=", 1) for part in text.split(";") if "=" in part), zone)
    if until is not None:
        parts.append(f"UNTIL={until:%Y%m%dT%H%M%S}")
    built = rrulestr(";".join(parts), dtstart=start)
    if not isinstance(built, rrule):
        raise ValueError("one rule is expected, not a set of rules")
    return built
