"""Conversations written down: WebVTT, SubRip, and exports of WhatsApp chats, as turns with speakers."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from knowledge.documents.pieces import Turn

_CUE = re.compile(r"^(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})\s+-->\s+\S+")
_VOICE = re.compile(r"^<v(?:\.[\w.]+)?\s+([^>]{1,80})>(.*)$")
_NAMED = re.compile(r"^([^\W\d_][\w .'’-]{0,40}):\s+(.*)$")
_TAG = re.compile(r"</?[^>]{1,60}>")
_WHATSAPP = re.compile(
    r"^\u200e?\[?(\d{1,4})[./-](\d{1,2})[./-](\d{2,4}),? (\d{1,2}):(\d{2})(?::\d{2})?(?:[ \u202f]?([AaPp])\.?[Mm]\.?)?\]?"
    r"(?: -)? ([^:]{1,60}): (.*)$"
)


def cues(text: str, start: int) -> list[Turn]:
    """Turns of a WebVTT or SubRip file that began at `start` (ms, UTC); cues of one speaker in a row are one turn."""
    turns: list[Turn] = []
    at = start
    speaker = ""
    for line in text.splitlines():
        stripped = line.strip()
        if cue := _CUE.match(stripped):
            hours, minutes, seconds, ms = (int(g or 0) for g in cue.groups())
            at = start + ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
            continue
        if not stripped or stripped.isdigit() or stripped.startswith(("WEBVTT", "NOTE", "STYLE")):
            continue
        if named := _VOICE.match(stripped) or _NAMED.match(stripped):
            speaker, stripped = named[1].strip(), named[2]
        words = _TAG.sub("", stripped).strip()
        if not words:
            continue
        if turns and turns[-1].speaker == speaker and len(turns[-1].text) < 600:
            turns[-1] = Turn(speaker, f"{turns[-1].text} {words}", turns[-1].at)
        else:
            turns.append(Turn(speaker, words, at))
    return turns


_SPOKEN = re.compile(
    r"^(?:[\[(]?(?:(\d{1,2}):)?(\d{1,2}):(\d{2})[\])]?\s*[-–]?\s*)?(?P<who>[^\W\d_][\w .'’-]{0,40}?)\s*"
    r"(?:\((?:\d{1,2}:)?\d{1,2}:\d{2}\))?:\s+(?P<said>\S.*)$"
)


def named(text: str, start: int) -> list[Turn]:
    """Turns of a plain transcript ("[00:01:20] Ada: Hello"), which began at `start` (ms, UTC)."""
    turns: list[Turn] = []
    at = start
    for line in text.splitlines():
        found = _SPOKEN.match(line.strip())
        if found is None:
            if turns and line.strip():
                turns[-1] = Turn(turns[-1].speaker, f"{turns[-1].text}\n{line.strip()}", turns[-1].at)
            continue
        if found[2]:
            hours, minutes, seconds = (int(found[n] or 0) for n in (1, 2, 3))
            at = start + ((hours * 60 + minutes) * 60 + seconds) * 1000
        turns.append(Turn(found["who"].strip(), found["said"], at))
    return turns


def is_named(text: str) -> bool:
    """Whether a text reads as a talk: most lines begin with a name, and at least two names speak again."""
    lines = [line.strip() for line in text.splitlines()[:200] if line.strip()]
    spoken = [found["who"].strip() for line in lines if (found := _SPOKEN.match(line))]
    again = [who for who in set(spoken) if spoken.count(who) > 1]
    return len(spoken) > 3 and len(spoken) * 3 > len(lines) * 2 and len(again) > 1 and len(set(spoken)) < 20


def whatsapp(text: str) -> list[Turn]:
    """Turns of an exported WhatsApp chat; lines without a head belong to the turn before. Times are taken as UTC."""
    heads = [m for m in map(_WHATSAPP.match, text.splitlines()) if m]
    day_first = any(int(m[1]) > 12 for m in heads) or not any(int(m[2]) > 12 for m in heads)
    turns: list[Turn] = []
    for line in text.splitlines():
        head = _WHATSAPP.match(line)
        if head is None:
            if turns and line.strip():
                turns[-1] = Turn(turns[-1].speaker, f"{turns[-1].text}\n{line}", turns[-1].at)
            continue
        at = _moment(head, day_first=day_first)
        if at is not None:
            turns.append(Turn(head[7].strip(), head[8], at))
    return turns


def is_whatsapp(text: str) -> bool:
    """Whether the first lines look like an exported chat."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    return len(lines) > 1 and sum(bool(_WHATSAPP.match(line)) for line in lines) * 2 > len(lines)


def _moment(head: re.Match[str], *, day_first: bool) -> int | None:
    first, second, third, hour, minute = (int(head[n]) for n in range(1, 6))
    if first > 31:
        year, month, day = first, second, third
    else:
        day, month = (first, second) if day_first else (second, first)
        year = third + 2000 if third < 100 else third
    if head[6]:
        hour = hour % 12 + (12 if head[6].lower() == "p" else 0)
    try:
        return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None
