"""Wall-clock time and the two nights a year when it lies."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def place(wall: datetime, zone: ZoneInfo, fold: int = 0) -> datetime:
    """The instant of a naive wall time. A skipped one moves forward by the gap; of a repeated one `fold` picks."""
    there = wall.replace(tzinfo=zone, fold=fold)
    return there.astimezone(UTC).astimezone(zone)


def skipped(wall: datetime, zone: ZoneInfo) -> bool:
    return place(wall, zone).replace(tzinfo=None, fold=0) != wall


def repeated(at: datetime) -> bool:
    """Whether the wall clock shows this time twice that night."""
    return at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset() and not skipped_like(at)


def skipped_like(at: datetime) -> bool:
    zone = at.tzinfo
    return at.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at.replace(tzinfo=None)


def wall(at: datetime) -> datetime:
    return at.replace(tzinfo=None, fold=0)
