"""What a change in words does to a calendar proposal: "make it 3pm", "30 minutes longer", "call it …", "at Luigi's"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from graphs.tools.base import Arguments
from graphs.tools.wording import local

_LEAD = re.compile(r"^\s*(?:(?:no|nein|rather|instead|please|bitte|but|ok|okay|yes)[\s,.:–-]+)+", re.I)
_NAME = re.compile(
    r"(?:call|name|title|rename)\s+it(?:\s+to)?\s+(?P<name>.+)|(?:title|name|titel):?\s+(?P<other>.+)|nenn(?:e)?\s+es\s+(?P<dritte>.+)",
    re.I | re.S,
)
_PLACE = re.compile(
    r"(?:make\s+it\s+|move\s+it\s+to\s+|put\s+it\s+)?(?:at|in|im|bei)\s+(?P<place>(?:the\s+|der\s+|dem\s+)?[^\d\W].*)|(?:place|location|where|ort):?\s+(?P<other>.+)",
    re.S,
)
_COUNT = r"(?P<count>\d+|an?|half\s+an|one|two|three|eine?|zwei|drei)"
_SHIFT = re.compile(
    rf"(?:make\s+it\s+|move\s+it\s+)?{_COUNT}\s*(?P<unit>minutes?|mins?|min|hours?|h|days?|weeks?|minuten?|stunden?|tage?|wochen?)\s+(?P<way>later|earlier|longer|shorter|später|früher|länger|kürzer)",
    re.I,
)
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "half an": 0.5, "ein": 1, "eine": 1, "zwei": 2, "drei": 3}


def revise(arguments: Arguments, words: str, now: datetime, zone: ZoneInfo) -> Arguments | str | None:
    """New arguments, a question back, or None when the words are no change to an event."""
    said = _LEAD.sub("", words.strip()).strip(" .!")
    if not said:
        return None
    if named := _NAME.fullmatch(said):
        name = next(value for value in named.groupdict().values() if value)
        return {**arguments, "summary": name.strip("“”\"'‘’ ")}
    if shift := _SHIFT.fullmatch(said):
        return _shifted(arguments, shift)
    if place := _PLACE.fullmatch(said):
        return {**arguments, "location": (place["place"] or place["other"]).strip("“”\"' ")}
    return None


def _shifted(arguments: Arguments, shift: re.Match[str]) -> Arguments | str:
    count = " ".join(shift["count"].casefold().split())
    number = float(_NUMBERS.get(count, 0)) or float(count)
    unit = {
        "m": timedelta(minutes=1),
        "h": timedelta(hours=1),
        "s": timedelta(hours=1),
        "d": timedelta(days=1),
        "t": timedelta(days=1),
        "w": timedelta(weeks=1),
    }[shift["unit"][0].casefold()]
    way = shift["way"].casefold()
    by = unit * number * (-1 if way in ("earlier", "shorter", "früher", "kürzer") else 1)
    zone = str(arguments["zone"])
    start, end = local(arguments["start"], zone), local(arguments["end"], zone)
    if way in ("later", "earlier", "später", "früher"):
        start = start + by
    end = end + by
    if end <= start:
        return "That would leave no time for it. How long shall it be?"
    return {**arguments, "start": start.isoformat(), "end": end.isoformat()}
