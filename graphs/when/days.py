"""Reads days: "tomorrow", "next friday", "friday in a week", and all that `dates` and `periods` know."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from .clock import Words
from .dates import LAST_DAY, MONTHS, Day, Hit, bare_ordinal, month_day, written
from .periods import ordinal_weekday, period

# Abbreviations that are ordinary words too: they need company ("on sat", "sat 10:00") or a capital letter.
_SHY_DAYS = frozenset(("sat", "sun", "wed", "mon", "mar"))


_FEASTS = frozenset(("black", "good", "cyber", "easter", "ash", "palm", "casual"))
_DAY_LEADS = frozenset(("on", "by", "until", "till", "before", "from", "for"))


def day(w: Words, i: int, today: date) -> Hit | None:
    j = i
    while {"ON", "BY", "FROM", "FOR"} & w[j].senses.keys() and j - i < 2 and "DAY" not in w[j].senses:
        j += 1
    led = j > i
    if "THE" in w[j].senses and "ORD" not in w[j].senses:
        led, j = True, j + 1
    for rule in (_offset, ordinal_weekday, _weekday, written, month_day, period, bare_ordinal):
        hit = rule(w, j, today, led)
        if hit:
            return _in_range(hit)
    return _weekday(w, i, today, False) if led and "WEEKDAY" in w[i].senses else None


def _in_range(hit: Hit) -> Hit:
    found, j = hit
    if isinstance(found, Day) and any(not date(1900, 1, 1) <= each <= LAST_DAY for each in found.dates):
        return Day((), bad="Steward keeps dates from 1900 to 2199 only."), j
    return hit


def _offset(w: Words, i: int, today: date, led: bool) -> Hit | None:
    senses = w[i].senses
    if "DAYPART" in senses:
        days, part = senses["DAYPART"]
        return Day((today + timedelta(days=days),), part, named=days == 0), i + 1
    if "DAY" not in senses:
        return None
    days = senses["DAY"]
    found = Day((today + timedelta(days=days),), named=days == 0, past=days < 0)
    return found, i + 1


def _weekday(w: Words, i: int, today: date, led: bool) -> Hit | None:
    which, j = None, i
    if "NEXT" in w[j].senses:
        which, j = w[j].senses["NEXT"], j + 1
    shy = w[j].raw in _SHY_DAYS and not (j and w[j - 1].raw in _DAY_LEADS)
    if (j and w[j - 1].raw in _FEASTS) or w[j + 1].raw == "times":  # Black Friday, the Sunday Times
        return None
    if "WEEKDAY" not in w[j].senses or (which is None and (shy or not led) and not _surely_day(w, j)):
        return None
    number, raw = w[j].senses["WEEKDAY"], w[j].raw
    coming = w[i].raw in ("coming", "the coming", "kommenden", "kommende")
    j += 1
    if w[j].raw == "." and len(raw) <= 4 and w[j + 1].senses.keys() & {"NUM", "TIME"}:
        j += 1
    week = _week_word(w, j)
    if week and which is None:
        monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * week[0])
        return Day((monday + timedelta(days=number),)), week[1]
    if which is None and "NEXT" in w[j].senses and w[j].raw not in ("this", "este", "past"):
        which, j = w[j].senses["NEXT"], j + 1
    if which is None and "IN" in w[j].senses and "A" in w[j + 1].senses and w[j + 2].senses.get("UNIT") == ("d", 7):
        return Day((_ahead(number, today) + timedelta(days=7),)), j + 3
    dated = _dated(w, j, today, number) if which is None else None
    if dated:
        return dated
    part = "morning" if w[j].raw == "morgen" else ""
    found = _which(number, which, coming, today)
    return found._replace(part=part), j + 1 if part else j


def _ahead(number: int, today: date) -> date:
    return today + timedelta(days=(number - today.weekday()) % 7)


def _surely_day(w: Words, j: int) -> bool:
    """Whether a lone abbreviation is a weekday and not "the cat sat"."""
    raw = w[j].raw
    if raw not in _SHY_DAYS and raw != "fri":
        return True
    before, after = w[j - 1] if j else w[-1], w[j + 1]
    if before.raw in ("i", "we", "he", "she", "they", "you", "who", "it", "the", "a", "cat", "dog", "my", "just"):
        return False
    if {"TIME", "NUM", "ORD", "PART", "NOON", "AT", "RANGE", "MARK"} & after.senses.keys() and after.raw != "'":
        return True
    return (j == 0 and "STOP" in after.senses) or "AND" in before.senses


def _week_word(w: Words, j: int) -> tuple[int, int] | None:
    """The "next week" of "friday next week", the "in a week" of "friday in a week"."""
    k = j + 1 if w[j].raw in ("of", "on", "in", "der", "la", "della", "de") else j
    if "THE" in w[k].senses:
        k += 1
    if "NEXT" in w[k].senses and w[k + 1].senses.get("UNIT") == ("d", 7):
        return w[k].senses["NEXT"], k + 2
    if w[k].senses.get("UNIT") == ("d", 7) and "NEXT" in w[k + 1].senses:
        return w[k + 1].senses["NEXT"], k + 2
    return None


def _dated(w: Words, j: int, today: date, number: int) -> Hit | None:
    """The date of "Fri 20 Nov 2026": weekday and date must agree, else both are offered."""
    j = j + 1 if w[j].raw == "," else j
    while {"ON", "THE"} & w[j].senses.keys():
        j += 1
    hit = written(w, j, today, True) or month_day(w, j, today, True)
    if hit is None and "ORD" in w[j].senses:
        hit = bare_ordinal(w, j, today, True)
    if hit is None or not isinstance(hit[0], Day) or not hit[0].dates:
        return hit
    found = hit[0]
    same = tuple(each for each in found.dates if each.weekday() == number)
    if same:
        return found._replace(dates=same, ask=""), hit[1]
    wrong = found.dates[0]
    near = min((wrong + timedelta(days=shift) for shift in range(-3, 4)), key=lambda each: each.weekday() != number)
    return Day((wrong, near), ask=f"{wrong.day} {MONTHS[wrong.month - 1]} {wrong.year} is a {wrong:%A}."), hit[1]


def _which(number: int, which: int | None, coming: bool, today: date) -> Day:
    ahead = (number - today.weekday()) % 7
    first = today + timedelta(days=ahead)
    name = calendar.day_name[number]
    if which == -1:
        return Day((today - timedelta(days=(today.weekday() - number) % 7 or 7),), past=True)
    if which == 0:
        return Day((first if ahead or not coming else today + timedelta(days=7),), named=ahead == 0 and not coming)
    week = timedelta(days=7)
    if which == 1:
        if ahead == 0:
            return Day((today + week,))
        if number > today.weekday():
            return Day((first, first + week), ask=f"“Next {name}” may be this week's or next week's.")
        return Day((first,))
    if ahead == 0:
        return Day((today, today + week), ask=f"Today is {name}.")
    return Day((first,))
