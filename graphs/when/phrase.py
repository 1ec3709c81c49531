"""Collects neighbouring pieces ("friday", "10 to 11:30", "for an hour") into one phrase; the calendar comes later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from .clock import Words, clock, clocks, small
from .dates import Day, Period
from .days import day
from .every import Every, every
from .length import Amount, add_months, amount
from .tokens import Time

_NUMBER_NEXT = frozenset(
    (
        "UNIT",
        "AMPM",
        "OCLOCK",
        "MONTH",
        "MINS",
        "OF",
        "PLUS",
        "TO",
        "MARK",
        "NEXT",
        "TIMES",
        "UNTIL",
        "EACH",
        "WNUM",
        "THE",
    )
)
_OPENERS = frozenset(
    (
        "AT", "ON", "BY", "IN", "FOR", "FROM", "UNTIL", "START", "THE", "NEXT", "END", "EACH", "OFTEN", "DAYS",
        "DAY", "DAYPART", "WEEKDAY", "MONTH", "PART", "NOON", "PAST", "NUM", "WNUM", "ORD", "TIME", "RANGE",
        "DATE", "DOTTED", "DECIMAL", "AMOUNT", "HOURS", "LONG", "A", "PASTWARD", "NOW", "BADTIME", "WEEKEND",
        "HINT", "SAME", "TO", "TIMES",
    )
)  # fmt: skip


def moved(day: Day, by: Amount) -> Day:
    """The same number of readings, each further on."""
    dates = tuple(add_months(each, by.months) + timedelta(days=by.days) for each in day.dates)
    return day._replace(dates=dates, named=False)


@dataclass(eq=False)
class Phrase:
    """What one stretch of lexemes said. Empty slots were not said."""

    first: int
    last: int = 0
    day: Day | None = None
    to_day: Day | None = None
    period: Period | None = None
    time: Time | None = None
    times: tuple[Time, ...] = ()
    to_time: Time | None = None
    part: str = ""
    shift: Amount | None = None
    length: Amount | None = None
    loose_length: bool = False
    now: bool = False
    every: Every | None = None
    until: Day | None = None
    start: Day | Period | None = None
    count: int = 0
    bad: str = ""
    same: bool = False

    def anything(self) -> bool:
        anchored = (
            self.day or self.period or self.time or self.shift or self.length or self.every or self.now or self.bad
        )
        return bool(anchored or self.part or self.same)


def phrase(w: Words, i: int, today: date, whole: bool = False) -> Phrase | None:
    """The phrase that starts at `i`. `whole`: nothing else was said, so bare numbers and lengths may count."""
    found = Phrase(i)
    j = i
    while True:
        k = j
        while i < k < j + 3 and (w[k].raw in (",", "-", "–", "@") or ("AND" in w[k].senses and found.every)):
            k += 1
        end = _piece(w, k, today, found, whole)
        if not end:
            break
        j = end
    if not found.anything():
        return None
    found.last = _echo(w, j)
    return found


def _echo(w: Words, j: int) -> int:
    """Past a "(in 2 h)" that only repeats what the phrase said."""
    if w[j].raw == "'" and w[j + 1].raw == "s" and w[j + 1].start == w[j].end == w[j - 1].end + 1:
        return j + 2  # tomorrow's
    if w[j].raw != "(":
        return j
    closing = next((k for k in range(j + 1, min(j + 8, len(w))) if w[k].raw == ")"), 0)
    inside = w[j + 1].senses
    said = {"IN", "DAY", "NOW", "TIME"} & inside.keys() or (closing and "AGO" in w[closing - 1].senses)
    return closing + 1 if closing and said else j


def _piece(w: Words, k: int, today: date, found: Phrase, whole: bool) -> int:
    senses = w[k].senses
    if _OPENERS.isdisjoint(senses) and not (found.day and "AND" in senses):
        return 0
    if (
        found.first == k
        and ("NUM" in senses or "WNUM" in senses)
        and not whole
        and w[k + 1].raw != "-"
        and len(w[k].raw) != 4
        and _NUMBER_NEXT.isdisjoint(w[k + 1].senses)
    ):
        return 0
    if found.every:
        end = _bounds(w, k, today, found)
        if end:
            return end
    return (
        _repeat(w, k, found)
        or _relative(w, k, today, found, whole)
        or _range(w, k, found, whole)
        or _day(w, k, today, found)
        or _clock(w, k, found, whole)
        or _part(w, k, found, whole)
        or _length(w, k, found, whole)
    )


def _repeat(w: Words, k: int, found: Phrase) -> int:
    if found.every or found.day or found.shift or found.period:
        return 0
    hit = every(w, k)
    if hit is None:
        return 0
    found.every = hit[0]
    return hit[1]


def _bounds(w: Words, k: int, today: date, found: Phrase) -> int:
    """Until, starting, N times, for N weeks; and a second clock time."""
    senses = w[k].senses
    if {"UNTIL", "START", "FROM"} & senses.keys():
        hit = day(w, k + 1, today)
        if hit and "UNTIL" in senses and not found.until:
            found.until = hit[0] if isinstance(hit[0], Day) else Day((hit[0].start,))
            return hit[1]
        if hit and "UNTIL" not in senses and not found.start:
            found.start = hit[0]
            return hit[1]
    number = small(w, k + 1 if "FOR" in senses else k)
    if number and "TIMES" in w[number[1]].senses and 0 < number[0] < 10000:
        found.count = number[0]
        return number[1] + 1
    if found.time and "AND" in w[k - 1].senses:
        hit_time = clock(w, k, True)
        if hit_time and len(found.times) < 8:
            found.times = (*(found.times or (found.time,)), hit_time[0])
            return hit_time[1]
    return 0


def _relative(w: Words, k: int, today: date, found: Phrase, whole: bool) -> int:
    """In 20 minutes, 20 minutes from now, 2 days ago, vor 2 Tagen; now."""
    if found.day or found.shift or found.every or found.period:
        return 0
    senses = w[k].senses
    if "NOW" in senses and (whole or not found.time):
        found.now = whole
        return k + 1 if found.now else 0
    j = k + 1 if {"IN", "PASTWARD"} & senses.keys() else k
    hit = amount(w, j) if j > k or not found.time else None
    if hit is None:
        return 0
    size, end = hit
    beyond = day(w, end + 1, today) if w[end].raw in ("from", "after") and not size.seconds else None
    if beyond and isinstance(beyond[0], Day):  # a week from friday
        found.day = moved(beyond[0], size)
        return beyond[1]
    if "AGO" in w[end].senses:
        sign, end = w[end].senses["AGO"], end + 1
    elif j > k and "PASTWARD" in senses and "IN" not in senses:
        sign = -1
    elif j > k and not (found.time and size.seconds):
        sign, end = 1, end + 2 if w[end].raw == "'" and w[end + 2].raw == "time" else end
        end = end + 1 if w[end].raw == "time" else end
    elif whole and "STOP" in w[end].senses and not found.time and size.seconds and not _hour_mark(w, k, end):
        sign = 1
    else:
        return 0
    found.shift = size.signed(sign)
    return end


def _hour_mark(w: Words, k: int, end: int) -> bool:
    """Whether a lone "15h" is rather a clock time than a length."""
    hours = w[k].senses.get("HOURS") or (w[k].senses.get("NUM", 0) if w[end - 1].raw == "h" else 0)
    return bool(6 <= hours < 24)


def _range(w: Words, k: int, found: Phrase, whole: bool) -> int:
    if found.to_time or (found.shift and found.shift.seconds):
        return 0
    if found.time and {"TO", "UNTIL"} & w[k].senses.keys() | ({"-"} if w[k - 1].raw in "-–" else set()):
        hit = clock(w, k if w[k - 1].raw in "-–" else k + 1, True)
        if hit:
            found.to_time = hit[0]
            return hit[1]
    if found.time:
        return 0
    pair = clocks(w, k, whole or bool(found.day))
    if pair is None:
        return 0
    found.time, found.to_time = pair[0], pair[1]
    return pair[2]


def _day(w: Words, k: int, today: date, found: Phrase) -> int:
    senses = w[k].senses
    linked = {"TO", "UNTIL"} & senses.keys() or (
        "AND" in senses and w[found.first].raw in ("between", "zwischen", "entre")
    )
    if found.day and not found.to_day and not found.time and (linked or w[k - 1].raw in "-–"):
        hit = day(w, k + 1 if linked else k, today)
        if hit and isinstance(hit[0], Day) and len(found.day.dates) <= 2:
            found.to_day = hit[0]
            return hit[1]
    if found.day or found.shift or found.period or found.every:
        return 0
    hit = day(w, k, today)
    if hit is None or (found.part and not isinstance(hit[0], Day)):
        return _until_day(w, k, today, found)
    if isinstance(hit[0], Day):
        found.day = hit[0]
        further = amount(w, hit[1] + 1) if "IN" in w[hit[1]].senses and not hit[0].past else None
        if further and not further[0].seconds:  # heute in einer Woche
            found.day, hit = moved(hit[0], further[0]), (hit[0], further[1])
    else:
        found.period = hit[0]
    return hit[1]


def _until_day(w: Words, k: int, today: date, found: Phrase) -> int:
    """A deadline: "until friday"."""
    if "UNTIL" not in w[k].senses:
        return 0
    hit = day(w, k + 1, today)
    if hit is None or not isinstance(hit[0], Day):
        return 0
    found.day = hit[0]
    return hit[1]


def _clock(w: Words, k: int, found: Phrase, whole: bool) -> int:
    if found.time or (found.shift and found.shift.seconds):
        return 0
    j = k + 1 if {"UNTIL", "TO"} & w[k].senses.keys() and "AT" not in w[k].senses else k
    if j == k and "ON" in w[k].senses and "NOON" in w[k + 1].senses:
        j = k + 1
    beside = whole or found.day is not None or found.period is not None or found.every is not None
    hit = clock(w, j, beside or j > k)
    if hit is None:
        return _bad_clock(w, k, found, whole)
    found.time = hit[0]
    return hit[1]


def _bad_clock(w: Words, k: int, found: Phrase, whole: bool) -> int:
    j = k + 1 if "AT" in w[k].senses else k
    if "BADTIME" not in w[j].senses or not (j > k or whole or found.day):
        return 0
    found.bad = f"There is no {w[j].senses['BADTIME']} on the clock: hours go to 23, minutes to 59."
    return j + 1


def _part(w: Words, k: int, found: Phrase, whole: bool) -> int:
    senses = w[k].senses
    if "SAME" in senses and not found.same:
        found.same = True
        return k + 1
    beside = found.day or found.time or found.every or found.period or found.shift
    if "DAYPART" in senses and found.day is None and not found.part:
        return 0
    j = k + 1 if "AT" in senses or "ON" in senses or "BY" in senses or "THE" in senses else k
    if "PART" not in w[j].senses or found.part or not (beside or " " in w[j].raw or (whole and j > k)):
        return 0
    found.part = w[j].senses["PART"]
    return j + 1


def _length(w: Words, k: int, found: Phrase, whole: bool) -> int:
    """For 45 minutes; bare, "a 5 minute walk" is a length too, but never of seconds, months or "a minute"."""
    if found.length:
        return 0
    led = "FOR" in w[k].senses
    hit = amount(w, k + 1 if led else k)
    if hit is None or found.shift or (hit[0].months and not (led and found.every)):
        return 0
    if found.every and not (led and (hit[0].days or hit[0].months)):
        return 0
    if not led and ("A" in w[k].senses or hit[0].seconds < 60 or "DAY" in w[hit[1]].senses):
        return 0
    if not led and w[hit[1]].raw in ("old", "a", "per", "each", "alt", "early", "late"):
        return 0
    if w[k].raw.endswith("m") and "AMOUNT" in w[k].senses and not whole:
        return 0
    found.length, found.loose_length = hit[0], not led
    return hit[1]
