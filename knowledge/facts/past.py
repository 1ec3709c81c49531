"""Times of facts: "in March", "last year", "since 3 May 2026", "until Friday" as the stretch of time they name. Pure.

Facts look back where appointments look ahead: "in March" is the March that was, unless a fact runs until then.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo

_NAMES = (
    "january jan januar jänner janvier enero gennaio",
    "february feb februar février fevrier febrero febbraio",
    "march mar märz maerz mars marzo",
    "april apr avril abril aprile",
    "may mai mayo maggio",
    "june jun juni juin junio giugno",
    "july jul juli juillet julio luglio",
    "august aug août aout agosto",
    "september sep sept septembre septiembre settembre",
    "october oct oktober okt octobre octubre ottobre",
    "november nov novembre noviembre",
    "december dec dezember dez décembre decembre diciembre dicembre",
)
MONTHS = {name: n for n, names in enumerate(_NAMES, 1) for name in names.split()}
_WEEKDAYS = {
    name: n
    for n, names in enumerate((
        "monday montag lundi lunes lunedì", "tuesday dienstag mardi martes martedì",
        "wednesday mittwoch mercredi miércoles mercoledì", "thursday donnerstag jeudi jueves giovedì",
        "friday freitag vendredi viernes venerdì", "saturday samstag samedi sábado sabato",
        "sunday sonntag dimanche domingo domenica",
    ))
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAYNAME = "|".join(_WEEKDAYS)
_SPANS = {
    "today": (0, 1), "heute": (0, 1), "yesterday": (-1, 0), "gestern": (-1, 0), "hier": (-1, 0), "ayer": (-1, 0),
    "ieri": (-1, 0), "tomorrow": (1, 2), "morgen": (1, 2), "demain": (1, 2), "mañana": (1, 2), "domani": (1, 2),
}  # fmt: skip
_LAST = {
    "week": 7, "woche": 7, "semaine": 7, "semana": 7, "settimana": 7,
    "month": 30, "monat": 30, "mois": 30, "mes": 30, "mese": 30,
    "year": 365, "jahr": 365, "an": 365, "année": 365, "año": 365, "anno": 365,
}  # fmt: skip
PHRASE = (
    r"\d{4}-\d{2}-\d{2}"
    rf"|\d{{1,2}}(?:\.|st|nd|rd|th)?\s+(?:of\s+|de\s+)?(?:{_MONTH})\.?(?:,?\s+(?:de\s+)?\d{{4}})?"
    rf"|(?:{_MONTH})\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?(?!\d)"
    rf"|(?:last\s+)?(?:{_MONTH})(?:\s+(?:of\s+)?\d{{4}})?"
    r"|(?:19|20)\d{2}"
    r"|(?:last|previous)\s+(?:week|month|year)|letzte[nrs]?\s+(?:woche|monat|jahr)"
    r"|la\s+semaine\s+dernière|le\s+mois\s+dernier|l['’]an\s+dernier|(?:la\s+semana|el\s+mes|el\s+año)\s+pasad[oa]"
    r"|(?:la\s+settimana|il\s+mese|l['’]anno)\s+scors[oa]"
    rf"|(?:{_DAYNAME})"
    r"|today|yesterday|tomorrow|heute|gestern|(?<!am )morgen|demain|ayer|mañana|ieri|domani"
)
"""A phrase that `stretch` understands, as a regular expression without groups that capture."""


def stretch(text: str, now: datetime, zone: tzinfo, *, ahead: bool = False) -> tuple[int, int] | None:
    """[start, end) in ms of what a phrase names: the latest one that has begun, or with `ahead` the next that has not."""
    found = _days(text.strip().strip(".,").casefold(), now.astimezone(zone).date(), ahead=ahead)
    if found is None:
        return None
    return _ms(found[0], zone), _ms(found[1], zone)


def _days(words: str, today: date, *, ahead: bool) -> tuple[date, date] | None:
    if words in _SPANS:
        first, last = _SPANS[words]
        return today + timedelta(first), today + timedelta(last)
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", words):
            return _one(date.fromisoformat(words))
        if re.fullmatch(r"(?:19|20)\d{2}", words):
            return date(int(words), 1, 1), date(int(words) + 1, 1, 1)
        return _named(words, today, ahead=ahead)
    except ValueError:
        return None


def _named(words: str, today: date, *, ahead: bool) -> tuple[date, date] | None:
    if (weekday := next((n for name, n in _WEEKDAYS.items() if words == name), None)) is not None:
        back = (today.weekday() - weekday) % 7
        return _one(today + timedelta((7 - back) if ahead else -back))
    month = next((MONTHS[w] for w in re.findall(r"[^\W\d]+", words) if w in MONTHS), 0)
    numbers = [int(n) for n in re.findall(r"\d+", words)]
    year = next((n for n in numbers if n > 31), 0)
    day = next((n for n in numbers if n <= 31), 0)
    if month and day:
        first = date(year or today.year, month, day)
        return _one(first if year else _nearest(first, today, ahead=ahead))
    if month:
        first = date(year or today.year, month, 1)
        first = first if year else _nearest(first, today, ahead=ahead)
        return first, (first + timedelta(32)).replace(day=1)
    for name, days in _LAST.items():
        if re.search(rf"\b{name}\b", words):
            return _before(today, days)
    return None


def _before(today: date, days: int) -> tuple[date, date]:
    """The whole week, month or year before this one."""
    if days == 7:
        monday = today - timedelta(today.weekday())
        return monday - timedelta(7), monday
    if days == 30:
        first = today.replace(day=1)
        return (first - timedelta(1)).replace(day=1), first
    return date(today.year - 1, 1, 1), date(today.year, 1, 1)


def _nearest(first: date, today: date, *, ahead: bool) -> date:
    if ahead:
        return first if first >= today else first.replace(year=first.year + 1)
    return first if first <= today else first.replace(year=first.year - 1)


def _one(day: date) -> tuple[date, date]:
    return day, day + timedelta(1)


def _ms(day: date, zone: tzinfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
