"""Reads amounts of time: "an hour and a half", "20 Minuten", "2h 15", "half an hour"."""

from __future__ import annotations

import calendar
from datetime import date, datetime, timedelta
from typing import NamedTuple

from .clock import Words, small


class Amount(NamedTuple):
    """Months and days are counted on the calendar, seconds on the clock of physics."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    def plus(self, other: Amount) -> Amount:
        return Amount(self.months + other.months, self.days + other.days, self.seconds + other.seconds)

    def signed(self, sign: int) -> Amount:
        return Amount(self.months * sign, self.days * sign, self.seconds * sign)

    @property
    def plain(self) -> timedelta:
        return timedelta(days=self.days + 30 * self.months, seconds=self.seconds)


def of(kind: str, size: int, number: float) -> Amount | None:
    """None where the amount makes no sense ("half a month") or is over a century."""
    total = size * number
    if total > {"s": 100 * 366 * 86400, "d": 36600, "m": 1200}[kind]:
        return None
    if kind == "s":
        return Amount(seconds=round(total))
    if kind == "d":
        whole = int(total)
        return Amount(days=whole, seconds=round((total - whole) * 86400))
    return Amount(months=int(total)) if total == int(total) else None


def amount(w: Words, i: int) -> tuple[Amount, int] | None:
    """A sum of parts; "and" is only taken when another part follows it."""
    hit = _part(w, i)
    if hit is None:
        return None
    total, j = hit
    for _ in range(3):
        joined = "AND" in w[j].senses
        more = None if "A" in w[j].senses else _part(w, j + 1 if joined else j)  # "24 hours a day" is no sum
        if more is None or more[0].seconds >= (total.seconds or 86400 * 40):
            return total, j
        total, j = total.plus(more[0]), more[1]
    return total, j


def _part(w: Words, i: int) -> tuple[Amount, int] | None:
    senses = w[i].senses
    if "LONG" in senses:
        return Amount(seconds=senses["LONG"]), i + 1
    if "AMOUNT" in senses:
        number, kind, size = senses["AMOUNT"]
        found = of(kind, size, number)
        return (found, i + 1) if found else None
    if "HM" in senses and i and {"IN", "FOR"} & w[i - 1].senses.keys():
        return Amount(seconds=senses["HM"]), i + 1
    if "HOURS" in senses:
        return _hours(w, i, senses["HOURS"])
    if "DECIMAL" in senses and "UNIT" in w[i + 1].senses:
        kind, size = w[i + 1].senses["UNIT"]
        found = of(kind, size, senses["DECIMAL"])
        return (found, i + 2) if found else None
    return _counted(w, i)


def _hours(w: Words, i: int, hours: int) -> tuple[Amount, int] | None:
    found = of("s", 3600, hours)
    if found is None:
        return None
    more = w[i + 1].senses.get("NUM")
    if more is not None and more < 60 and "UNIT" not in w[i + 2].senses and w[i + 1].start - w[i].end <= 1:
        return found.plus(Amount(seconds=60 * more)), i + 2
    return found, i + 1


def _counted(w: Words, i: int) -> tuple[Amount, int] | None:
    number = (1, i + 1) if "A" in w[i].senses else small(w, i)
    if number is None:
        return None
    count, j = float(number[0]), number[1]
    if w[j].senses.get("PLUS") == 30 and "UNIT" in w[j + 1].senses:
        count, j = count + 0.5, j + 1
    if w[j].raw == "-" or (w[j].raw == "'" and "A" in w[i].senses):
        j += 1
    if "UNIT" not in w[j].senses or (len(w[i].raw) == 4 and w[j].raw == "hrs"):
        return None
    kind, size = w[j].senses["UNIT"]
    if w[j + 1].senses.get("PLUS") == 30:
        count, j = count + 0.5, j + 1
    found = of(kind, size, count)
    return (found, j + 1) if found else None


def add_months(day: date, months: int) -> date:
    """The same day of the month, or its last where the month is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def later(moment: datetime, by: Amount) -> datetime:
    """Naive wall clock moved by months and days only."""
    day = add_months(moment.date(), by.months) + timedelta(days=by.days)
    return datetime.combine(day, moment.time())
