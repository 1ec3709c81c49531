"""Reads clock times: "3pm", "half past three", "um 9 Uhr 30", "a las nueve y media", and ranges of them."""

from __future__ import annotations

from .tokens import Time, Token

Words = list[Token]
Hit = tuple[Time, int]

# "look at 3 options", "at 5 Main Street", "at 2 percent": a figure after "at" that is no hour.
_NOT_AFTER = frozenset(
    ("look", "looking", "looks", "looked", "aim", "aimed", "laugh", "arrive", "priced", "valued", "good", "sell")
)
_NOT_BEFORE = frozenset(
    (
        "percent", "%", "people", "euro", "street", "road", "avenue", "st", "rd", "point", "items", "mph",
        "kmh", "per", "degrees", "dollars", "euros", "francs", "chf", "usd", "eur", "km", "kg", "cm", "mm",
        "x", "/", "least", "once", "time", "stage", "another", "more", "most", "days", "weeks", "months",
        "hours", "minutes", "years",
    )
)  # fmt: skip
_FOLLOWS = frozenset(
    (
        "STOP", "MARK", "UNTIL", "TO", "FOR", "DAY", "DAYPART", "WEEKDAY", "ON", "PART", "AND", "IN", "EACH",
        "BY", "NEXT", "OFTEN", "DAYS", "FROM", "START", "OF",
    )
)  # fmt: skip


def clock(w: Words, i: int, loose: bool = False) -> Hit | None:
    """The time at `i`. A bare number counts only after "at" and its like, or when `loose` (a day stands beside it)."""
    at = w[i].senses.get("AT") or (12 if "BY" in w[i].senses or "FROM" in w[i].senses else None)
    j = i + 1 if at else i
    if at and "AT" in w[j].senses:
        at, j = max(at, w[j].senses["AT"]), j + 1
    hit = _fraction(w, j) or _named(w, j, loose or bool(at)) or _figure(w, j, at, loose)
    return _flag(w, *hit) if hit else None


def small(w: Words, i: int) -> tuple[int, int] | None:
    """A whole number in figures or words ("forty five")."""
    senses = w[i].senses
    if "NUM" in senses:
        return senses["NUM"], i + 1
    if "WNUM" not in senses:
        return None
    value: int = senses["WNUM"]
    j = i + 2 if w[i + 1].raw == "-" else i + 1
    if value in (20, 30, 40, 50) and 0 < w[j].senses.get("WNUM", 0) < 10:
        return value + w[j].senses["WNUM"], j + 1
    return value, i + 1


def _flag(w: Words, time: Time, j: int) -> Hit:
    if "FOLD" in w[j].senses:
        time, j = time._replace(fold=w[j].senses["FOLD"]), j + 1
    return time, j + 1 if w[j].raw == "sharp" else j


def _half(w: Words, time: Time, j: int) -> Hit:
    """Applies a following am/pm, "Uhr" or "et demie"."""
    if "OCLOCK" in w[j].senses:
        time, j = time._replace(style=time.style if "clock" in w[j].raw else _written(time)), j + 1
    if "PLUS" in w[j].senses:
        total = (time.hour * 60 + time.minute + w[j].senses["PLUS"]) % 1440
        time, j = time._replace(hour=total // 60, minute=total % 60), j + 1
    half = w[j].senses.get("AMPM")
    if w[j].raw == "am" and w[j].start > w[j - 1].end and w[j + 1].raw.endswith(("tag", "woch", "sonnabend")):
        half = None  # German "um 9 am Montag"
    if half is None or not 1 <= time.hour <= 12:
        return time, j
    return time._replace(hour=time.hour % 12 + half, style="sure"), j + 1


def _written(time: Time) -> str:
    return "sure" if time.style == "sure" else "written"


def _named(w: Words, i: int, anchored: bool) -> Hit | None:
    hour = w[i].senses.get("NOON")
    if hour is None or (w[i].raw in ("midi", "mittag") and not anchored):
        return None
    return Time(hour, 0, 0, "midnight" if hour == 24 else "sure"), i + 1


def _hour(w: Words, i: int) -> Hit | None:
    """The hour that "half past" and "ten to" lean on."""
    if "NOON" in w[i].senses and w[i].senses["NOON"] != 17:
        return Time(w[i].senses["NOON"] % 24, 0), i + 1
    number = small(w, i)
    if number is None or number[0] > 24 or "UNIT" in w[number[1]].senses:
        return None
    return _half(w, Time(number[0] % 24, 0, 0, "bare" if 0 < number[0] <= 12 else "sure"), number[1])


def _shift(hit: Hit | None, minutes: int) -> Hit | None:
    if hit is None:
        return None
    time, j = hit
    total = (time.hour * 60 + time.minute + minutes) % 1440
    hour = total // 60
    if time.style == "bare" and hour == 0:
        hour = 12
    return time._replace(hour=hour, minute=total % 60), j


def _fraction(w: Words, i: int) -> Hit | None:
    if "PAST" in w[i].senses:
        return _shift(_hour(w, i + 1), w[i].senses["PAST"])
    number = small(w, i)
    if number is None or not 0 < number[0] < 30:
        return None
    minutes, j = number
    spelled = "WNUM" in w[i].senses or minutes in (20, 25)
    if "UNIT" in w[j].senses and w[j].senses["UNIT"] == ("s", 60):
        spelled, j = True, j + 1
    sign = w[j].senses.get("MINS")
    if sign is None or not (spelled or (w[j].raw in ("past", "nach", "vor"))):
        return None
    return _shift(_hour(w, j + 1), sign * minutes)


def _figure(w: Words, i: int, at: int | None, loose: bool) -> Hit | None:
    senses = w[i].senses
    if "TIME" in senses:
        time: Time = senses["TIME"]
        if "HOURS" in senses and not (at or loose):
            return None
        return _minutes(
            w, *_half(w, time if at != 24 or time.style == "sure" else time._replace(style="written"), i + 1)
        )
    if "DOTTED" in senses and (at or "AMPM" in w[i + 1].senses):
        hour, minute = senses["DOTTED"]
        if hour > 23 or minute > 59 or len(w[i].raw.replace(",", ".").partition(".")[2]) != 2:
            return None
        return _half(w, Time(hour, minute, 0, "sure" if hour > 12 else "written" if at == 24 else "bare"), i + 1)
    return _bare(w, i, at, loose)


def _minutes(w: Words, time: Time, j: int) -> Hit:
    """The 30 of "9 Uhr 30"."""
    number = w[j].senses.get("NUM")
    if number is not None and number < 60 and w[j - 1].raw.endswith(("uhr", "Uhr", "heures")) and not time.minute:
        return time._replace(minute=number), j + 1
    return time, j


def _bare(w: Words, i: int, at: int | None, loose: bool) -> Hit | None:
    number = small(w, i)
    if number is None:
        return None
    value, j = number
    if value == 12 and w[j].senses.get("NOON") == 12:
        return Time(12, 0), j + 1
    military = _military(w, i, j, at)
    if military:
        return military
    marked = _half(w, Time(value, 0, 0, "bare"), j) if 0 < value <= 12 else (Time(0, 0), j)
    if marked[1] > j:
        return _minutes(w, *marked)
    if value > 24 or not (at or loose or "OCLOCK" in w[j].senses):
        return None
    if not _free(w, i, j, bool(at)):
        return None
    style = "sure" if value > 12 or value == 0 else "written" if at == 24 else "bare"
    return _minutes(w, *_half(w, Time(value, 0, 0, style), j))


def _military(w: Words, i: int, j: int, at: int | None) -> Hit | None:
    raw = w[i].raw
    if len(raw) != 4 or not raw.isdigit():
        return None
    hour, minute = int(raw[:2]), int(raw[2:])
    hours = w[j].raw in ("hrs", "hours", "h", "uhr")
    if hour > 23 or minute > 59 or not (hours or (at and minute % 15 == 0 and _free(w, i, j, True))):
        return None
    return Time(hour, minute), j + 1 if hours else j


def _free(w: Words, i: int, j: int, at: bool) -> bool:
    """Whether a bare number may be an hour here, by its neighbours."""
    after = w[j]
    if after.raw in _NOT_BEFORE or "UNIT" in after.senses or (i > 1 and w[i - 2].raw in _NOT_AFTER):
        return False
    if w[j + 1].raw in ("street", "road", "avenue") or (after.raw == "." and w[j + 1].senses.get("MONTH")):
        return False
    if not at:
        return not _FOLLOWS.isdisjoint(after.senses) or "OCLOCK" in after.senses
    plural = not after.senses and len(after.raw) > 4 and after.raw.endswith("s") and not after.raw.endswith("ss")
    return not plural and after.raw not in ("$", "€", "£")


def clocks(w: Words, i: int, loose: bool = False) -> tuple[Time, Time, int] | None:
    """A range of clock times: "3-4pm", "from 10 to 11:30", "15:00–16:30"."""
    j, lead = i, False
    while j - i < 2 and {"FROM", "AT"} & w[j].senses.keys() and "TIME" not in w[j].senses:
        lead, j = True, j + 1
    if "RANGE" in w[j].senses:
        return _run(w, j, lead or loose)
    first = clock(w, j, loose or lead) or (_opening(w, j))
    if first is None:
        return None
    link = w[first[1]]
    if not ({"TO", "UNTIL", "AND"} & link.senses.keys() or (link.raw in "-–—" and link.raw)):
        return None
    if "AND" in link.senses and w[i].raw not in ("between", "zwischen", "entre"):
        return None
    second = clock(w, first[1] + 1, True)
    if second is None or (
        first[0].style != "sure" and not (lead or loose or second[0].style == "sure" or second[0].minute)
    ):
        return None
    return first[0], second[0], second[1]


def _opening(w: Words, i: int) -> Hit | None:
    """The 3 of "3 to 4pm": a bare hour excused by what follows it."""
    number = small(w, i)
    if number is None or number[0] > 24:
        return None
    return Time(number[0], 0, 0, "bare" if 0 < number[0] <= 12 else "sure"), number[1]


def _run(w: Words, i: int, lead: bool) -> tuple[Time, Time, int] | None:
    h1, m1, h2, m2, plain = w[i].senses["RANGE"]
    if h1 > 24 or h2 > 24 or m1 > 59 or m2 > 59:
        return None
    end, j = _half(w, Time(h2, m2, 0, "bare" if 0 < h2 <= 12 else "sure"), i + 1)
    written = w[i].raw[:1] == "0" or (not plain and len(w[i].raw) == 11 and h1 > 12)
    start = Time(h1, m1, 0, "sure" if h1 > 12 or h1 == 0 or written else "bare")
    if written and end.style == "bare":
        end = end._replace(style="sure")
    if plain and j == i + 1 and "OCLOCK" not in w[j - 1].senses and (not lead or not _free(w, i, j, True)):
        return None
    return start, end, j
