"""Reads what repeats: "every other friday", "on the first of every month", "weekly on monday", "tous les lundis"."""

from __future__ import annotations

from typing import NamedTuple

from .clock import Words, small
from .tokens import Token

CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DETERMINERS = frozenset(
    ("the", "my", "our", "your", "his", "her", "their", "this", "last", "next", "s", "die", "der", "das")
)
WORKDAYS = (0, 1, 2, 3, 4)


class Every(NamedTuple):
    """A repetition before its clock times are known. `nth` counts weekdays within the month, -1 the last."""

    freq: str
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    nth: int = 0
    monthday: int = 0
    month: int = 0
    part: str = ""


Hit = tuple[Every, int]


def past(w: Words, i: int, *kinds: str) -> int:
    """The place after up to three small words of these kinds."""
    j = i
    while j - i < 3 and not {"ORD", "NEXT"} & w[j].senses.keys() and any(kind in w[j].senses for kind in kinds):
        j += 1
    return j


def every(w: Words, i: int) -> Hit | None:
    senses = w[i].senses
    if "EACH" in senses:
        return _each(w, i)
    if "OFTEN" in senses:
        if _adjective(w, i):
            return None
        return _tail(w, i + 1, Every(*senses["OFTEN"]))
    if "DAYS" in senses:
        return _set(w, i)
    if "ON" in senses and "DAYS" in w[i + 1].senses:
        return _set(w, i + 1)
    return _of_every(w, i)


def _adjective(w: Words, i: int) -> bool:
    """Whether "weekly" only describes a thing ("the weekly report") and asks for no repetition."""
    before, after = w[i - 1].raw if i else "", w[i + 1]
    if before in _DETERMINERS or after.senses or " " in w[i].raw or w[i].raw == "everyday":
        return before in _DETERMINERS and " " not in w[i].raw
    return before not in ("a", "an", "eine", "einen") and not any({"AT", "TIME"} & each.senses.keys() for each in w[i:])


def _set(w: Words, i: int) -> Hit:
    days: tuple[int, ...] = w[i].senses["DAYS"]
    j = i + 1
    while "AND" in w[j].senses and "DAYS" in w[j + 1].senses:
        days, j = days + w[j + 1].senses["DAYS"], j + 2
    return Every("WEEKLY", 1, tuple(sorted(set(days)))), j


def _each(w: Words, i: int) -> Hit | None:
    interval: int = w[i].senses["EACH"]
    j = i + 1
    if interval == 2 and "WEEKDAY" in w[j].senses and w[i].raw != "every other" and (end := _of_month(w, j + 1)):
        return Every("MONTHLY", 1, (w[j].senses["WEEKDAY"],), 2), end
    number = small(w, j)
    if number and "UNIT" in w[number[1]].senses:
        return _unit(w, number[1], interval * number[0])
    if "HOURS" in w[j].senses or "AMOUNT" in w[j].senses:
        return _compact(w[j], j)
    if "LONG" in w[j].senses:
        return Every("MINUTELY", w[j].senses["LONG"] // 60), j + 1
    nth = w[j].senses.get("ORD") or (-1 if w[j].senses.get("NEXT") == -1 else 0)
    if nth:
        return _ordinal(w, j, nth, interval)
    if "WORKDAY" in w[j].senses:
        return Every("WEEKLY", interval, WORKDAYS), j + 1
    if "WEEKEND" in w[j].senses:
        return Every("WEEKLY", interval, (5, 6)), j + 1
    if "WEEKDAY" in w[j].senses or "DAYS" in w[j].senses:
        return _listed(w, j, interval)
    if "PART" in w[j].senses and w[j].raw in (
        "morning",
        "afternoon",
        "evening",
        "night",
        "abend",
        "matin",
        "soir",
        "sera",
        "mattina",
        "nachmittag",
        "nacht",
    ):
        return Every("DAILY", interval, part=w[j].senses["PART"]), j + 1
    if w[j].raw in ("morgen", "mañana", "manana"):
        return Every("DAILY", interval, part="morning"), j + 1
    if "UNIT" in w[j].senses:
        return _unit(w, j, interval)
    return _yearly(w, j, interval)


def _compact(token: Token, j: int) -> Hit | None:
    """The 3h of "every 3h"."""
    if "HOURS" in token.senses:
        return (Every("HOURLY", token.senses["HOURS"]), j + 1) if token.senses["HOURS"] else None
    number, kind, size = token.senses["AMOUNT"]
    if kind == "s" and size >= 60 and number:
        return Every("MINUTELY", number * size // 60), j + 1
    return (Every("DAILY", number * size), j + 1) if kind == "d" and number else None


def _unit(w: Words, i: int, interval: int) -> Hit | None:
    kind, size = w[i].senses["UNIT"]
    if not 0 < interval <= 1000 or w[i].senses["UNIT"] == ("s", 1):
        return None
    freq = {("s", 60): "MINUTELY", ("s", 3600): "HOURLY", ("d", 1): "DAILY", ("m", 12): "YEARLY"}.get((kind, size))
    if freq is None:
        freq, interval = ("WEEKLY", interval * size // 7) if kind == "d" else ("MONTHLY", interval * size)
    return _tail(w, i + 1, Every(freq, interval))


def _listed(w: Words, j: int, interval: int) -> Hit:
    """Monday and thursday; monday, wednesday and friday."""
    days: set[int] = set()
    k = j
    while True:
        senses = w[k].senses
        days |= {senses["WEEKDAY"]} if "WEEKDAY" in senses else set(senses["DAYS"])
        k += 1
        step = k
        while step - k < 4 and (w[step].raw == "," or {"AND", "ON", "THE"} & w[step].senses.keys()):
            step += 1
        step = step + 1 if "EACH" in w[step].senses and step > k else step
        if step == k or not {"WEEKDAY", "DAYS"} & w[step].senses.keys():
            break
        k = step
    part = "morning" if w[k].raw == "morgen" else ""
    return Every("WEEKLY", interval, tuple(sorted(days)), part=part), k + 1 if part else k


def _ordinal(w: Words, j: int, nth: int, interval: int) -> Hit | None:
    """Every first monday of the month; every second tuesday (without a month: every other); every 15th."""
    after = w[j + 1].senses
    monthly = _of_month(w, j + 2)
    if "WEEKDAY" in after and monthly:
        return Every("MONTHLY", interval, (after["WEEKDAY"],), nth), monthly
    if "WEEKDAY" in after and nth == 2:
        return Every("WEEKLY", 2, (after["WEEKDAY"],)), j + 2
    if "UNIT" in after and nth > 1:
        return _unit(w, j + 1, nth)
    if "MONTH" in after:
        return Every("YEARLY", interval, monthday=nth, month=after["MONTH"]), j + 2
    if w[j].raw[:1].isdigit() or nth == -1:
        end = _of_month(w, j + 1) or (j + 1 if nth > 0 else 0)
        return (Every("MONTHLY", interval, monthday=nth), end) if end else None
    return None


def _of_month(w: Words, k: int) -> int:
    """Past "of the month", "of each month" or "im Monat"; 0 where there is none."""
    if not {"OF", "IN"} & w[k].senses.keys() and w[k].raw != "im":
        return 0
    k = past(w, k + 1, "THE", "EACH")
    return k + 1 if w[k].senses.get("UNIT") == ("m", 1) else 0


def _yearly(w: Words, j: int, interval: int) -> Hit | None:
    hit = _month_day(w, j)
    return (Every("YEARLY", interval, monthday=hit[1], month=hit[0]), hit[2]) if hit else None


def _month_day(w: Words, j: int) -> tuple[int, int, int] | None:
    j = past(w, j, "ON", "THE")
    first, second = w[j].senses, w[j + 1].senses
    if "MONTH" in first:
        k = j + 2 if "THE" in second else j + 1
        number = w[k].senses.get("ORD") or w[k].senses.get("NUM", 0)
        return (first["MONTH"], number, k + 1) if 0 < number < 32 else None
    number = first.get("ORD") or first.get("NUM", 0)
    k = j + 2 if w[j + 1].raw == "." or "OF" in second else j + 1
    return (w[k].senses["MONTH"], number, k + 1) if 0 < number < 32 and "MONTH" in w[k].senses else None


def _of_every(w: Words, i: int) -> Hit | None:
    """The first of every month; last friday of each month; the last day of every month."""
    j = past(w, i, "ON", "THE")
    nth = w[j].senses.get("ORD") or (-1 if w[j].senses.get("NEXT") == -1 else 0)
    if not nth and "NUM" in w[j].senses:
        nth = w[j].senses["NUM"] if 0 < w[j].senses["NUM"] < 32 else 0
    if not nth:
        return None
    weekday = w[j + 1].senses.get("WEEKDAY")
    k = j + 2 if weekday is not None or w[j + 1].senses.get("UNIT") == ("d", 1) else j + 1
    if not {"OF", "IN", "EACH"} & w[k].senses.keys():
        return None
    k = k if "EACH" in w[k].senses else k + 1
    interval = w[k].senses.get("EACH")
    if interval is None or w[k + 1].senses.get("UNIT", ("", 0))[0] != "m":
        return None
    size = w[k + 1].senses["UNIT"][1] * interval
    if weekday is None:
        return Every("MONTHLY", size, monthday=nth), k + 2
    return Every("MONTHLY", size, (weekday,), nth), k + 2


def _tail(w: Words, j: int, base: Every) -> Hit:
    """The day that a bare unit wants: weekly "on monday", monthly "on the 15th", every year "on 3 May"."""
    k = past(w, j, "ON", "THE")
    if base.freq == "WEEKLY" and {"WEEKDAY", "DAYS"} & w[k].senses.keys():
        found, end = _listed(w, k, base.interval)
        return found._replace(interval=base.interval), end
    if base.freq == "YEARLY":
        hit = _month_day(w, k)
        return (base._replace(month=hit[0], monthday=hit[1]), hit[2]) if hit else (base, j)
    if base.freq != "MONTHLY":
        return base, j
    nth = (
        w[k].senses.get("ORD")
        or (-1 if w[k].senses.get("NEXT") == -1 else 0)
        or (w[k].senses.get("NUM", 0) if k > j else 0)
    )
    if not nth or nth > 31:
        return base, j
    if "WEEKDAY" in w[k + 1].senses:
        return base._replace(weekdays=(w[k + 1].senses["WEEKDAY"],), nth=nth), k + 2
    if nth == -1 and w[k + 1].senses.get("UNIT") != ("d", 1):
        return base, j
    return base._replace(monthday=nth), k + 2 if w[k + 1].senses.get("UNIT") == ("d", 1) else k + 1
