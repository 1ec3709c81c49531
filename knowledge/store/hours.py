"""Hours of a day as people write them. Slim: the settings are checked with it wherever they are read."""

from __future__ import annotations

import re
from datetime import time

_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]?\d|2[0-3]):([0-5]\d)")


def span(quiet: str) -> tuple[time, time] | None:
    """Begin and end of the quiet hours, None for none. Raises ValueError for what is no such span."""
    if not quiet.strip():
        return None
    found = _SPAN.fullmatch(quiet.strip())
    if not found:
        raise ValueError(f"“{quiet}” are no quiet hours; write them like 22:00-07:00")
    begin, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    return None if begin == end else (begin, end)
