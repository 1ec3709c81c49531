"""What a change in words does to an event on a card: "make it 3pm", "30 minutes longer", "call it …", "at Luigi's"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from graphs.tools.base import Arguments
from graphs.tools.wording import local
from graphs.when import Ambiguous, Impossible, Moment, Span, find, parse_change, say

_LEAD = re.compile(r"^\s*(?:(?:no|nein|rather|instead|please|bitte|but|ok|okay|yes|sorry)[\s,.:–-]+)+", re.I)
_NAME = re.compile(
    r"(?:(?:call|name|title|rename)\s+it(?:\s+to)?|title:|name:|titel:|nenne?\s+es)\s+(?P<name>.+)", re.I | re.S
)
_PLACE = re.compile(
    r"(?:(?:make\s+it|move\s+it\s+to|put\s+it|better|lieber)\s+)?(?:at|in|im|bei|beim|chez)\s+(?P<place>[^\d\W].*)",
    re.I | re.S,
)
_EXPLICIT_PLACE = re.compile(r"(?:place|location|where|ort):?\s+(?:is\s+)?(?P<place>.+)", re.I | re.S)
_AND = re.compile(
    r"\s*(?:,|,?\s+and|,?\s+und)\s+(?=(?:call|name|title|rename)\s+it\b|make\s+it\b|(?:at|in|im|bei)\s+\S)", re.I
)
_ANYWAY = re.compile(
    r"(?:(?:keep|leave)\s+(?:it|my\s+time)|as\s+(?:i\s+)?(?:asked|said)|(?:book\s+it\s+)?anyway|trotzdem)", re.I
)


def revise(arguments: Arguments, words: str, now: datetime, zone: ZoneInfo) -> Arguments | str | None:
    """New arguments, a question back, or None when the words are no change to an event."""
    said = _LEAD.sub("", words.strip()).strip(" .!")
    if not said:
        return None
    first, *others = _AND.split(said)
    if others:
        return _one_by_one(arguments, [first, *others], now, zone)
    if named := _NAME.fullmatch(said):
        return {**arguments, "summary": _bare(named["name"])}
    if _ANYWAY.fullmatch(said) and arguments.get("asked"):
        return {**arguments, **arguments["asked"]}
    place = _place(said, now, zone)
    if place:
        return {**arguments, "location": place}
    changed = parse_change(said, _span(arguments), now, zone)
    if changed is not None:
        return _timed(arguments, changed, now, zone)
    return None


def _place(said: str, now: datetime, zone: ZoneInfo) -> str:
    """The place that the words name: after "location:", or after "at" and "in" when no time begins there."""
    if explicit := _EXPLICIT_PLACE.fullmatch(said):
        return _bare(explicit["place"])
    found = _PLACE.fullmatch(said)
    if found is None:
        return ""
    words = found["place"].split()
    first = " ".join(words[: 2 if words[0].lower() in ("the", "a", "an") else 1])
    anchor = Span(now, now + timedelta(hours=1), timedelta(hours=1), "")
    is_time = find(first, now, zone) or parse_change(first, anchor, now, zone)
    return "" if is_time else _bare(found["place"])


def _one_by_one(arguments: Arguments, parts: list[str], now: datetime, zone: ZoneInfo) -> Arguments | str | None:
    """ "at 2:30pm and call it Chat": each part changes what the one before it left."""
    for part in parts:
        changed = revise(arguments, part, now, zone)
        if changed is None or isinstance(changed, str):
            return changed
        arguments = changed
    return arguments


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
    arguments = {name: value for name, value in arguments.items() if name != "free"}  # it was said of the old time
    if isinstance(changed, Moment):
        start, end = changed.at, changed.at + (length if length < timedelta(days=1) else timedelta(hours=1))
        return {**arguments, "start": start.isoformat(), "end": end.isoformat(), "all_day": False}
    if changed.start is None or changed.end is None:
        return "When shall it begin?"
    times = {"start": changed.start.isoformat(), "end": changed.end.isoformat()}
    return {**arguments, **times, "all_day": changed.all_day}


def _bare(text: str) -> str:
    return text.strip("“”\"'‘ ")
