"""When a timer that has gone off goes off next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.when import occurrence_after


def next_due(fired: Mapping[str, Any], now: datetime) -> datetime | None:
    """The occurrence after `now` of a recurring timer; missed ones are not made up for. None: it has done its work.

    `fired` holds rule (RFC 5545), zone, first_at and due_at (ms), as the scheduler's delivery brings them.
    """
    if not fired.get("rule"):
        return None
    zone = ZoneInfo(str(fired["zone"]))
    first = datetime.fromtimestamp(int(fired["first_at"]) / 1000, zone)
    due = datetime.fromtimestamp(int(fired["due_at"]) / 1000, UTC)
    return occurrence_after(str(fired["rule"]), first, zone, max(due, now.astimezone(UTC)))
