"""Reads stretches of the calendar and days counted in them: "next week", "end of May", "first monday of december"."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from .clock import Words
from .dates import MONTHS, Day, Hit, Period, number_of_day, relative_month, year_at
from .length import add_months


def nth_weekday(year: int, month: int, nth: int, number: int) -> date | None:
    """The nth weekday of a month, from its end when negative."""
    length = calendar.monthrange(year, month)[1]
    days = [date(year, month, each) for each in range(1, length + 1) if date(year, month, each).weekday() == number]
    return days[nth - 1 if nth > 0 else nth] if abs(nth) <= len(days) else None


def ordinal_weekday(w: Words, i: int, today: date, led: bool) -> Hit | None:
    """First monday of december; last friday of next month."""
    senses = w[i].senses
    nth = senses.get("ORD") or (-1 if senses.get("NEXT") == -1 else 0)
    if not nth or "WEEKDAY" not in w[i + 1].senses:
        return None
    number, j = w[i + 1].senses["WEEKDAY"], i + 2
    if not {"OF", "IN"} & w[j].senses.keys():
        return None
    if "MONTH" in w[j + 1].senses:
        month, (year, k) = w[j + 1].senses["MONTH"], year_at(w, j + 2)
        years = [year] if year else [today.year, today.year + 1]
    else:
        relative = relative_month(w, j + 1)
        if relative is None:
            return None
        first, k = add_months(today.replace(day=1), relative[0]), relative[1]
        years, month = [first.year], first.month
    days = [each for year in years if (each := nth_weekday(year, month, nth, number))]
    ahead = [each for each in days if each >= today] or days
    if not ahead:
        return Day((), bad=f"{MONTHS[month - 1]} has no {nth}th {calendar.day_name[number]}."), k
    return Day((ahead[0],)), k


def period(w: Words, i: int, today: date, led: bool) -> Hit | None:
    senses = w[i].senses
    if "IN" in senses and "MONTH" in w[i + 1].senses and number_of_day(w, i + 2) is None:
        year, j = year_at(w, i + 2)
        return _whole_month(w[i + 1].senses["MONTH"], year, today), j
    if "END" in senses:
        return _edge(w, i, today)
    if "WEEKEND" in senses and led:
        return _named_period("weekend", 0, today), i + 1
    which = senses.get("NEXT")
    if which is None:
        after = w[i + 1].senses.get("NEXT")
        return (
            (_named_period(w[i].senses["UNIT"], after, today), i + 2)
            if after is not None and _unit(w, i) and w[i + 1].raw not in ("this",)
            else None
        )
    if "WEEKEND" in w[i + 1].senses:
        return _named_period("weekend", which, today), i + 2
    if "MONTH" in w[i + 1].senses and number_of_day(w, i + 2) is None:
        return _whole_month(w[i + 1].senses["MONTH"], None, today), i + 2
    if not _unit(w, i + 1):
        return None
    found = _named_period(w[i + 1].senses["UNIT"], which, today)
    j = i + 3 if "ON" in w[i + 2].senses else i + 2
    if w[i + 1].senses["UNIT"] == ("d", 7) and "WEEKDAY" in w[j].senses:  # next week friday
        return Day((found.start + timedelta(days=w[j].senses["WEEKDAY"]),)), j + 1
    return found, i + 2


def _unit(w: Words, i: int) -> bool:
    return w[i].senses.get("UNIT") in (("d", 7), ("m", 1), ("m", 3), ("m", 12))


def _named_period(unit: object, which: int, today: date) -> Period:
    monday = today - timedelta(days=today.weekday())
    if unit == "weekend":
        saturday = monday + timedelta(days=5 + 7 * which)
        return Period(saturday, saturday + timedelta(days=2))
    if unit == ("d", 7):
        return Period(monday + timedelta(days=7 * which), monday + timedelta(days=7 * which + 7))
    size = {("m", 1): 1, ("m", 3): 3, ("m", 12): 12}.get(unit, 1)  # type: ignore[call-overload]
    first = today.replace(day=1, month=(today.month - 1) // size * size + 1)
    return Period(add_months(first, which * size), add_months(first, (which + 1) * size))


def _whole_month(month: int, year: int | None, today: date) -> Period:
    year = year or (today.year if month >= today.month else today.year + 1)
    return Period(date(year, month, 1), add_months(date(year, month, 1), 1))


def _edge(w: Words, i: int, today: date) -> Hit | None:
    """End of month, end of next week, beginning of May."""
    j = i + 2 if "THE" in w[i + 1].senses else i + 1
    if _unit(w, j):
        period, j = _named_period(w[j].senses["UNIT"], 0, today), j + 1
    elif "MONTH" in w[j].senses:
        year, k = year_at(w, j + 1)
        period, j = _whole_month(w[j].senses["MONTH"], year, today), k
    elif "NEXT" in w[j].senses and _unit(w, j + 1):
        period, j = _named_period(w[j + 1].senses["UNIT"], w[j].senses["NEXT"], today), j + 2
    else:
        return None
    if w[i].senses["END"]:
        week = (period.end - period.start).days == 7
        return Day((period.end - timedelta(days=3 if week else 1),)), j  # a working week ends on Friday
    return Day((period.start,)), j
