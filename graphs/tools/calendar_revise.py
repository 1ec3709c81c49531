"""What a change in words does to an event on a card: "make it 3pm", "30 minutes longer", "call it …", "at Luigi's"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from graphs.tools.base import Arguments
from graphs.tools.wording import local
from graphs.when import Ambiguous, Impossible, Moment, Span, parse_change, say

_LEAD = re.compile(r"^\s*(?:(?:no|nein|rather|instead|please|bitte|but|ok|okay|yes|sorry)[\s,.:–-]+)+", re.I)
_NAME = re.compile(
    r"(?:(?:call|name|title|rename)\s+it(?:\s+to)?|title:|name:|titel:|nenne?\s+es)\s+(?P<name>.+)", re.I | re.S
)
_PLACE = re.compile(
    r"(?:(?:make\s+it|move\s+it\s+to|put\s+it|better|lieber)\s+)?(?:at|in|im|bei|beim|chez)\s+(?P<place>[^\d\W].*)"
    r"|(?:place|location|where|ort):?\s+(?:is\s+)?(?P<other>.+)",
    re.I | re.S,
)
_ANYWAY = re.compile(
    r"(?:(?:keep|leave)\s+(?:it|my\s+time)|as\s+(?:i\s+)?(?:asked|said)|(?:book\s+it\s+)?anyway|trotzdem)", re.I
)


def revise(arguments: Arguments, words: str, now: datetime, zone: ZoneInfo) -> Arguments | str | None:
    """New arguments, a question back, or None when the words are no change to an event."""
    said = _LEAD.sub("", words.strip()).strip(" .!")
    if not said:
        return None
    if named := _NAME.fullmatch(said):
        return {**arguments, "summary": _bare(named["name"])}
    if _ANYWAY.fullmatch(said) and arguments.get("asked"):
        return {**arguments, **arguments["asked"]}
    changed = parse_change(said, _span(arguments), now, zone)
    if changed is not None:
        return _timed(arguments, changed, now, zone)
    if place := _PLACE.fullmatch(said):
        return {**arguments, "location": _bare(place["place"] or place["other"])}
    return None


def _span(arguments: Arguments) -> Span:
    zone = str(arguments["zone"])
    start, end = local(arguments["start"], zone), local(arguments["end"], zone)
    return Span(start, end, end - start, "", bool(arguments.get("all_day", False)))


def _timed(
    arguments: Arguments, changed: Moment | Span | Ambiguous | Impossible, now: datetime, zone: ZoneInfo
) -> Arguments | str:
    if isinstance(changed, Impossible):
        return changed.sentence
    if isinstance(changed, Ambiguous):
        return f"{changed.question} ({' / '.join(say(choice, now, zone) for choice in changed.choices)})"
    length = _span(arguments).length
    if isinstance(changed, Moment):
        start, end = changed.at, changed.at + (length if length < timedelta(days=1) else timedelta(hours=1))
        return {**arguments, "start": start.isoformat(), "end": end.isoformat(), "all_day": False}
    if changed.start is None or changed.end is None:
        return "When shall it begin?"
    times = {"start": changed.start.isoformat(), "end": changed.end.isoformat()}
    return {**arguments, **times, "all_day": changed.all_day}


def _bare(text: str) -> str:
    return text.strip("“”\"'‘ ")
