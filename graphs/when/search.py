"""Finds the time in a sentence and hands back the sentence without it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from .clock import Words
from .lex import lexemes
from .phrase import Phrase, phrase
from .resolve import Answer, Now, resolve
from .values import Ambiguous, Found, Impossible, Outcome, Span, When

# A request names its time early or at its end; a pasted page is not searched beyond these.
_HEAD = 6000
_MOST = 4
_REQUEST = frozenset(
    (
        "remind", "wake", "ping", "tell", "nudge", "snooze", "schedule", "erinnere", "rappelle", "ricordami",
        "recuérdame", "recuerdame", "book", "plan", "erinner", "rappel", "please",
    )
)  # fmt: skip
_OR = frozenset(("or", "oder", "ou", "o", "oppure"))
_PRONOUNS = frozenset(("me", "us", "mich", "moi", "mir", "bitte", "again", "-"))
_DANGLING = re.compile(r"^[\s,;:–—-]+|[\s,;:–—-]+$")
_LINKS_LEFT = re.compile(r"\(\s*\)|\[\s*\]|[“\"]\s*[”\"]")


def find(text: str, now: datetime, zone: ZoneInfo) -> Outcome | None:
    """The time that `text` names, seen from `now` (aware) in `zone`; None when it names none.

    Never raises on any text. Only a choice among named readings is left open: two plausible ones are Ambiguous.
    """
    here = now.astimezone(zone)
    w = lexemes(text[:_HEAD])
    said = phrases(w, here)
    if not said:
        return None
    hint = _hint(w)
    merged = _merge(said)
    answer = _answer(merged[0], w, text, here, zone, hint)
    if answer is None:
        return None
    rivals = _rivals(w, merged, here)
    wider = _rival(answer, [_answer(each, w, text, here, zone, hint) for each in rivals]) if rivals else None
    if wider:
        return replace(wider, rest=text.strip())
    return _outcome(answer, text, w, merged[0])


def _hint(w: Words) -> str:
    """Dinner is in the evening, but a reminder to book one need not be."""
    asks = any(token.raw in _REQUEST for token in w)
    return next(
        (
            token.senses["HINT"]
            for token in w
            if "HINT" in token.senses and not (asks and token.senses["HINT"] == "evening")
        ),
        "",
    )


def phrases(w: Words, here: datetime, loose: bool = False) -> list[Phrase]:
    """Those of the first few stretches that mean a time. `loose`: a bare number is a clock time."""
    found: list[Phrase] = []
    place, last = 0, len(w) - 6
    while place < last and len(found) < _MOST:
        each = _at(w, place, here, loose) if w[place].senses and not _glued(w, place) else None
        if each is None or (each.last < last and _bound(w, each.last)):
            place += 1
            continue
        place = each.last
        found.append(each)
    return found


def _at(w: Words, place: int, here: datetime, loose: bool) -> Phrase | None:
    if loose or _alone(w, place):
        each = phrase(w, place, here.date(), whole=True)
        if each and (loose or each.last >= len(w) - 6):
            return each
    return phrase(w, place, here.date())


def _alone(w: Words, place: int) -> bool:
    """Whether nothing but a request comes before ("remind me 90 min"); a lone number stays a number."""
    if len(w) > 24 or not all(token.raw in _REQUEST or token.raw in _PRONOUNS for token in w[:place]):
        return False
    return {"NUM", "WNUM"}.isdisjoint(w[place].senses) or "STOP" not in w[place + 1].senses


def _glued(w: Words, place: int) -> bool:
    """Whether this is the tail of a compound ("mid-may", "re-monday")."""
    return (
        place > 1
        and w[place - 1].raw == "-"
        and w[place - 1].end == w[place].start
        and w[place - 2].end == w[place - 1].start
        and not w[place - 2].senses
    )


def _bound(w: Words, place: int) -> bool:
    """Whether this is the head of a compound ("friday-like", "today's" is none)."""
    return (
        w[place].raw == "-"
        and w[place].start == w[place - 1].end
        and w[place].end == w[place + 1].start
        and not w[place + 1].senses
    )


def _merge(said: list[Phrase]) -> list[list[Phrase]]:
    """Joins phrases that complete each other ("tomorrow … at 9"); the others stay rivals, the first one first."""
    anchors = [each for each in said if not (each.loose_length and not each.time and not each.day)] or said[:1]
    groups: list[list[Phrase]] = []
    for each in anchors:
        host = next((group for group in groups if _fits(group[0], each)), None)
        if host is None:
            groups.append([each])
        else:
            host[0] = join(host[0], each)
            host.append(each)
    return groups


def _fits(host: Phrase, more: Phrase) -> bool:
    if more.bad or host.bad or more.every or more.shift or host.shift or more.now or host.now:
        return bool(more.every and not host.every and not host.day and host.time and not more.time and not host.shift)
    clash = (
        (host.time and more.time)
        or ((host.day or host.period or host.every) and (more.day or more.period))
        or ((host.length or host.every) and more.length)
    )
    return not clash


def join(host: Phrase, more: Phrase) -> Phrase:
    return replace(
        host, day=host.day or more.day, to_day=host.to_day or more.to_day, period=host.period or more.period,
        time=host.time or more.time, to_time=host.to_time or more.to_time, part=host.part or more.part,
        length=host.length or more.length, every=host.every or more.every, until=host.until or more.until,
        times=host.times or more.times, count=host.count or more.count, start=host.start or more.start,
    )  # fmt: skip


def _spans(w: Words, group: list[Phrase]) -> list[tuple[int, int]]:
    whole = group[1:] if len(group) > 1 else group
    first = [(group[0].first, group[0].last)] if len(group) > 1 else []
    return [(w[a].start, w[b - 1].end) for a, b in first + [(each.first, each.last) for each in whole]]


def _answer(group: list[Phrase], w: Words, text: str, here: datetime, zone: ZoneInfo, hint: str) -> Answer | None:
    matched = " ".join(text[start:end] for start, end in _spans(w, group))
    try:
        return resolve(group[0], Now(here, zone, matched, hint))
    except (OverflowError, ValueError):  # a date past the end of the calendar
        return Impossible(f"“{matched}” is outside the calendar. Say a nearer time.")


def _leads(w: Words, said: Phrase) -> bool:
    """Whether the phrase opens the sentence or follows "remind me": then it is the time of the request itself."""
    return said.first == 0 or w[said.first - 1].raw in _PRONOUNS or w[said.first - 1].raw in _REQUEST


def _rivals(w: Words, merged: list[list[Phrase]], here: datetime) -> list[list[Phrase]]:
    """Other phrases that name a time of their own, unless the first one clearly is the time of the request."""
    first, place = merged[0][0], merged[0][-1].last
    if w[place].raw in _OR or "AND" in w[place].senses:
        other = phrase(w, place + 1, here.date(), whole=w[place].raw in _OR)
        if other and (other.day or other.time) and not first.every:
            day, part = other.day or first.day, other.part or first.part
            return [[replace(other, day=day, time=other.time or first.time, part=part)]]
    strong = [group for group in merged if group[0].day or group[0].every or group[0].shift]
    return [] if _leads(w, first) or merged[0] not in strong else [group for group in strong if group is not merged[0]]


def _rival(first: Answer, others: list[Answer | None]) -> Ambiguous | None:
    choices: list[When] = []
    for each in (first, *others):
        if isinstance(each, Ambiguous):
            choices += each.choices
        elif each is not None and not isinstance(each, Impossible):
            choices.append(each)
    if len(choices) < 2 or all(isinstance(each, Span) and each.start is None for each in choices[1:]):
        return None
    names = " or ".join(f"“{each.text}”" for each in choices)
    return Ambiguous(f"The sentence names several times. Which one counts: {names}?", tuple(choices))


def _outcome(answer: Answer, text: str, w: Words, group: list[Phrase]) -> Outcome:
    matched = " ".join(text[start:end] for start, end in _spans(w, group))
    rest = strip(text, _spans(w, group), matched)
    if isinstance(answer, (Ambiguous, Impossible)):
        return replace(answer, rest=rest)
    return Found(answer, rest)


def strip(text: str, spans: list[tuple[int, int]], matched: str) -> str:
    """`text` without the spans, and without what only held them: commas at the seam, empty brackets."""
    kept, at = "", 0
    for start, end in sorted(spans):
        kept, at = _seam(kept + text[at:start], text[end : end + 1]), end
    rest = _clean(_seam(kept, text[at:]) + text[at:])
    while matched and matched in rest:
        rest = _clean(rest.replace(matched, " "))
    return rest


def _seam(left: str, right: str) -> str:
    left = left.rstrip(" \t,;")
    return left if not left or right[:1] in ",.;:!?)" or right[:1].isspace() else left + " "


def _clean(rest: str) -> str:
    rest = _LINKS_LEFT.sub("", rest)
    lines = (" ".join(line.split()) for line in rest.split("\n"))
    return _DANGLING.sub("", "\n".join(lines))
