"""Reads calendar dates: "24 December", "Dec 24th", "24.12.", "2026-12-24", "the 24th"."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import NamedTuple

from .clock import Words
from .length import add_months
from .tokens import Written

_KNOWN = frozenset(
    (
        "STOP",
        "MARK",
        "AT",
        "UNTIL",
        "TO",
        "FOR",
        "TIME",
        "PART",
        "NOON",
        "OF",
        "BY",
        "AND",
        "FROM",
        "PAST",
        "RANGE",
        "ON",
    )
)  # fmt: skip


_SHY_MONTHS = frozenset(("may", "march", "mars", "mar", "mai"))


_NO_DAY = frozenset(
    (
        "floor", "page", "line", "try", "attempt", "time", "option", "place", "half", "quarter", "edition",
        "chapter", "step", "year", "grade", "person", "item", "one", "day", "week", "month", "century",
        "district",
    )
)  # fmt: skip


MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


LAST_DAY = date(2199, 12, 31)


class Day(NamedTuple):
    """The dates a phrase may mean, likelier first. `bad` is why there are none, `ask` why there are several.

    `named`: exactly this date was said, so a past clock time on it is a mistake. `past`: the past may be meant
    ("yesterday", or a date written with its year).
    """

    dates: tuple[date, ...]
    part: str = ""
    named: bool = False
    past: bool = False
    ask: str = ""
    bad: str = ""


class Period(NamedTuple):
    start: date
    end: date


Hit = tuple[Day | Period, int]


def short(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b} {day.year}"


def valid(year: int, month: int, number: int) -> bool:
    return 1 <= month <= 12 and 1 <= number <= calendar.monthrange(year, month)[1]


def _no_date(year: int | None, month: int, number: int) -> str:
    if not 1 <= month <= 12:
        return f"There is no month {month}. Say the date as 24 December or 2026-12-24."
    said = f"{number} {MONTHS[month - 1]}" + (f" {year}" if year else "")
    longest = 29 if month == 2 and year is None else calendar.monthrange(year or 2024, month)[1]
    in_year = f" {year}" if month == 2 and year else ""
    return f"There is no {said}: {MONTHS[month - 1]}{in_year} has {longest} days."


def dates_of(year: int | None, month: int, number: int, today: date) -> tuple[date, ...]:
    """The date in its year, or the next such date from today on; empty when it does not exist."""
    if year is not None:
        return (date(year, month, number),) if 1900 <= year <= 2199 and valid(year, month, number) else ()
    for candidate in range(today.year, today.year + 9):
        if valid(candidate, month, number) and date(candidate, month, number) >= today:
            return (date(candidate, month, number),)
    return ()


def _date(year: int | None, month: int, number: int, today: date) -> Day:
    dates = dates_of(year, month, number, today)
    if not dates:
        outside = year is not None and not 1900 <= year <= 2199
        return Day((), bad="Steward keeps dates from 1900 to 2199 only." if outside else _no_date(year, month, number))
    return Day(dates, named=year is not None, past=year is not None and dates[0] <= today)


def written(w: Words, i: int, today: date, led: bool) -> Hit | None:
    senses = w[i].senses
    if "DOTTED" in senses:
        return _dotted(w, i, today, led)
    if "DATE" not in senses:
        return None
    said: Written = senses["DATE"]
    if said.shy and not led and not _stands_out(w, i, said):
        return None
    found = _date(said.year, said.month, said.day, today)
    if not said.swap:
        return found, i + 1
    other = _date(said.year, said.day, said.month, today)
    dates = tuple(dict.fromkeys(found.dates + other.dates))
    return Day(dates, named=found.named, past=found.past, ask=f"{w[i].raw} has two readings."), i + 1


def _stands_out(w: Words, i: int, said: Written) -> bool:
    """Whether 5/6 without a preposition is a date: alone, beside a clock, or written 05/06 or 24/12 (never 24/7)."""
    if (said.day, said.month) in ((24, 7), (9, 11)) or not 1 <= said.month <= 12:
        return False
    alone = i == 0 and "STOP" in w[i + 1].senses
    beside = {"AT", "TIME"} & w[i + 1].senses.keys() or (i and "TIME" in w[i - 1].senses)
    return bool(alone or beside or said.day > 12 or len(w[i].raw) == 5)


def _dotted(w: Words, i: int, today: date, led: bool) -> Hit | None:
    number, month = w[i].senses["DOTTED"]
    closed = w[i + 1].raw == "." and w[i + 1].start == w[i].end
    known = not _KNOWN.isdisjoint(w[i + 2].senses) or "STOP" in w[i + 2].senses
    german = i > 0 and w[i - 1].raw in ("am", "den", "dem", "bis", "vom", "zum", "ab", "seit")
    if "," in w[i].raw or not ((german and led) or (closed and known)) or (not closed and month > 12):
        return None
    if closed and not led and not 1 <= month <= 12:
        return None
    return _date(None, month, number, today), i + 2 if closed else i + 1


def number_of_day(w: Words, i: int) -> tuple[int, int, bool] | None:
    """Number, next place, and whether it is surely a day ("24th", "the 24")."""
    senses = w[i].senses
    if "ORD" in senses:
        return senses["ORD"], i + 1, True
    if "NUM" in senses and 0 < senses["NUM"] < 40 and len(w[i].raw) < 3:
        return senses["NUM"], i + 1, False
    return None


def year_at(w: Words, j: int) -> tuple[int | None, int]:
    k = j + 1 if w[j].raw in (",", "de", "del") else j
    if len(w[k].raw) == 4 and 1900 <= w[k].senses.get("NUM", 0) <= 2199 and "UNIT" not in w[k + 1].senses:
        return w[k].senses["NUM"], k + 1
    return None, j


def month_day(w: Words, i: int, today: date, led: bool) -> Hit | None:
    if "MONTH" in w[i].senses:
        return _month_first(w, i, today, led)
    if "RANGE" in w[i].senses:
        return _day_range(w, i, today)
    number = number_of_day(w, i)
    if number is None:
        return None
    value, j, sure = number
    if w[j].raw == "." and w[j].start == w[j - 1].end:
        j, sure = j + 1, True
    if "OF" in w[j].senses and ("MONTH" in w[j + 1].senses or relative_month(w, j + 1)):
        j, sure = j + 1, True
    relative = relative_month(w, j)
    if relative and (sure or led):
        first = add_months(today.replace(day=1), relative[0])
        return _date(first.year, first.month, value, today), relative[1]
    if "MONTH" not in w[j].senses or (
        w[j].raw in _SHY_MONTHS and not (sure or led or _company(w, j + 1) or w[j].raw == "mai")
    ):
        return None
    year, k = year_at(w, j + 1)
    return _date(year, w[j].senses["MONTH"], value, today), k + 1 if w[k].raw == "." and len(w[j].raw) == 3 else k


def relative_month(w: Words, j: int) -> tuple[int, int] | None:
    k = j + 1 if "THE" in w[j].senses else j
    if "NEXT" in w[k].senses and w[k + 1].senses.get("UNIT") == ("m", 1):
        return w[k].senses["NEXT"], k + 2
    return None


def _company(w: Words, j: int) -> bool:
    return not _KNOWN.isdisjoint(w[j].senses) or "NUM" in w[j].senses


def _month_first(w: Words, i: int, today: date, led: bool) -> Hit | None:
    j = i + 1
    if w[j].raw == "." and len(w[i].raw) <= 4:
        j += 1
    if "THE" in w[j].senses:
        j += 1
    number = number_of_day(w, j)
    if number is None or (w[j].senses.keys() & {"UNIT"} and w[j].raw != "second"):
        return None
    value, k, sure = number
    if not sure and ("UNIT" in w[k].senses or "AMPM" in w[k].senses or w[k].raw in ("miles", "km", "%", "people")):
        return None
    if w[i].raw in _SHY_MONTHS and not (sure or led or _company(w, k)):
        return None
    year, k = year_at(w, k)
    return _date(year, w[i].senses["MONTH"], value, today), k


def _day_range(w: Words, i: int, today: date) -> Hit | None:
    """24-26 December."""
    first, _, last, _, plain = w[i].senses["RANGE"]
    j = i + 2 if w[i + 1].raw == "." else i + 1
    if not plain or "MONTH" not in w[j].senses or first >= last:
        return None
    month = w[j].senses["MONTH"]
    year, k = year_at(w, j + 1)
    start, end = dates_of(year, month, first, today), dates_of(year, month, last, today)
    if not start or not end or end[0] < start[0]:
        return Day((), bad=_no_date(year, month, last)), k
    return Period(start[0], end[0] + timedelta(days=1)), k


def bare_ordinal(w: Words, i: int, today: date, led: bool) -> Hit | None:
    """The 24th: of this month, else of the next one that has it."""
    senses = w[i].senses
    number = senses.get("ORD")
    j = i + 1
    if (
        number is None
        and led
        and "NUM" in senses
        and w[i - 1].raw in ("am", "le", "el", "il", "den", "dem")
        and _day_only(w, i)
    ):
        number, j = senses["NUM"], i + (2 if w[j].raw == "." else 1)
    if number is None or not led or not 0 < number < 32 or not w[i].raw[:1].isdigit():
        return None
    if w[j].raw in _NO_DAY or (not w[j].senses and w[i - 1].raw == "the"):
        return None
    first = today.replace(day=1)
    for months in range(13):
        month = add_months(first, months)
        if valid(month.year, month.month, number) and month.replace(day=number) >= today:
            return Day((month.replace(day=number),)), j
    return None


def _day_only(w: Words, i: int) -> bool:
    after = w[i + 1]
    return (after.raw == "." and after.start == w[i].end) or (
        not {"STOP", "AT", "MARK"}.isdisjoint(after.senses) and w[i - 1].raw != "am"
    )
