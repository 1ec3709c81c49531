"""Cuts a sentence into words and number shapes, in one pass and linear time.

Offsets refer to the original text. A chunk that is an address, a path or an identifier is one opaque word, so that
nothing inside "monday.com" or "bob@friday.org" can look like a time.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import Any, NamedTuple

Senses = dict[str, Any]

_CHUNK = re.compile(r"\S+")
_OPAQUE = re.compile(r"[\\_]|://|[^\W\d_]\.[^\W\d_]{2}|.@|[^\W\d_]/[^\W\d_]", re.ASCII)
_PIECE = re.compile(
    r"(?P<iso>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?(?![\w-]))"
    r"|(?P<opaque>[$€£#+~][0-9][\w.,:/-]*)"
    r"|(?P<hm>[0-9]{1,2}[hH][0-9]{2}(?!\w))"
    r"|(?P<num>[0-9]+(?:[.,:/–—-][0-9]+)*)(?P<tail>[^\W\d_]*)(?P<more>\w*)"
    r"|(?P<word>[^\W\d_][\w\u0300-\u036f]*)"
    r"|(?P<mark>.)",
    re.DOTALL,
)
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("count", re.compile(r"[0-9]{1,6}")),
    ("clock", re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")),
    ("range", re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?[-–—]([0-9]{1,2})(?::([0-9]{2}))?")),
    ("dotted", re.compile(r"([0-9]{1,2})[.,]([0-9]{1,2})")),
    ("dmy", re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")),
    ("slash", re.compile(r"([0-9]{1,2})/([0-9]{1,2})")),
    ("ymd", re.compile(r"([0-9]{4})[/.]([0-9]{1,2})[/.]([0-9]{1,2})")),
)
_ORDINALS = frozenset(("st", "nd", "rd", "th", "er", "º", "ª", "e"))
_TAIL_UNITS: dict[str, tuple[str, int]] = {
    "s": ("s", 1), "sec": ("s", 1), "m": ("s", 60), "min": ("s", 60), "mins": ("s", 60), "d": ("d", 1), "w": ("d", 7),
    "hr": ("s", 3600), "hrs": ("s", 3600), "hours": ("s", 3600), "hour": ("s", 3600), "days": ("d", 1),
    "minutes": ("s", 60), "minute": ("s", 60),
}  # fmt: skip


class Token(NamedTuple):
    """A piece of the text with every meaning it may have, by kind."""

    senses: Senses
    start: int
    end: int
    raw: str


class Time(NamedTuple):
    """A clock time as written. `style`: sure, written (24-hour custom, yet 12-hour talk exists) or bare (no marker)."""

    hour: int
    minute: int
    second: int = 0
    style: str = "sure"
    fold: int = 0
    offset: timedelta | None = None


class Written(NamedTuple):
    """A date in figures; `year` None when unsaid, `swap` when day and month could change places."""

    year: int | None
    month: int
    day: int
    swap: bool = False
    shy: bool = False


def fold(word: str) -> str:
    low = word.lower()
    return low if low.isascii() else unicodedata.normalize("NFC", low).replace("’", "'")


def pieces(text: str) -> list[str]:
    return [token.raw for token in tokens(text)]


def tokens(text: str) -> list[Token]:
    found: list[Token] = []
    for chunk in _CHUNK.finditer(text):
        word, at = chunk.group(), chunk.start()
        if word.isalpha() or (len(word) > 3 and _OPAQUE.search(word) and not word[0].isdigit()):
            found.append(Token({}, at, chunk.end(), fold(word) if word.isalpha() else "\x00"))
        else:
            _cut(word, at, found)
    return found


def _cut(chunk: str, at: int, found: list[Token]) -> None:
    for piece in _PIECE.finditer(chunk):
        start, end, kind = at + piece.start(), at + piece.end(), piece.lastgroup
        if kind in ("word", "mark"):
            found.append(Token({}, start, end, fold(piece.group())))
        elif kind == "opaque":
            found.append(Token({}, start, end, "\x00"))
        elif kind == "iso":
            _iso(piece.group(), start, end, found)
        elif kind == "hm":
            hour, minute = (int(part) for part in piece.group().lower().split("h"))
            length = {"HM": hour * 3600 + minute * 60}  # a length after "in" or "for", a clock time elsewhere
            found.append(Token(length | _time(hour, minute, 0, "written"), start, end, piece.group()))
        else:
            _number(piece, at, found)


def _iso(raw: str, start: int, end: int, found: list[Token]) -> None:
    day, _, clock = raw.partition("T")
    year, month, number = (int(part) for part in day.split("-"))
    found.append(Token({"DATE": Written(year, month, number)}, start, start + len(day), day))
    if not clock:
        return
    hour, minute = int(clock[:2]), int(clock[3:5])
    senses = _time(hour, minute, int(clock[6:8]) if clock[5:6] == ":" else 0, "sure")
    offset = re.search(r"(?:Z|([+-])(\d\d):?(\d\d))$", clock)
    if offset and "TIME" in senses:
        ahead = timedelta(hours=int(offset[2] or 0), minutes=int(offset[3] or 0))
        if ahead < timedelta(hours=24):
            senses = {"TIME": senses["TIME"]._replace(offset=-ahead if offset[1] == "-" else ahead)}
    found.append(Token(senses, start + len(day), end, clock))


def _number(piece: re.Match[str], at: int, found: list[Token]) -> None:
    run, tail = piece["num"], piece["tail"].lower()
    start, end = at + piece.start(), at + piece.end()
    if piece["more"]:
        found.append(Token({}, start, end, "\x00"))
        return
    senses = shape(run)
    number = senses.get("NUM")
    if not tail:
        found.append(Token(senses, start, end, run))
    elif tail in ("am", "pm") and senses:
        middle = at + piece.end("num")
        found += (Token(senses, start, middle, run), Token({"AMPM": 12 if tail == "pm" else 0}, middle, end, tail))
    elif number is not None and tail in _ORDINALS and 0 < number < 32:
        found.append(Token({"ORD": number}, start, end, run + tail))
    elif number is not None and tail == "h":
        hours = {"HOURS": number, **({"TIME": Time(number, 0, 0, "written")} if number < 24 else {})}
        found.append(Token(hours, start, end, run + tail))
    elif number is not None and tail in _TAIL_UNITS:
        found.append(Token({"AMOUNT": (number, *_TAIL_UNITS[tail])}, start, end, run + tail))
    elif number is not None and tail == "uhr":
        found.append(Token(_time(number, 0, 0, "written"), start, end, run + tail))
    else:
        found.append(Token({}, start, end, "\x00"))


def _time(hour: int, minute: int, second: int, style: str) -> Senses:
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and minute + second):
        return {"BADTIME": f"{hour}:{minute:02}"}
    return {"TIME": Time(hour, minute, second, style)}


def _year(text: str) -> int:
    return int(text) + 2000 if len(text) == 2 else int(text)


def shape(run: str) -> Senses:
    """The meanings of a run of figures; none when it is a phone number, an address, a version or a price."""
    if len(run) > 10:
        kind, match = ("range", _SHAPES[2][1].fullmatch(run)) if len(run) == 11 else ("", None)
    else:
        kind, match = next(((kind, m) for kind, p in _SHAPES if (m := p.fullmatch(run))), ("", None))
    if match is None:
        return {}
    if kind == "count":
        return {"NUM": int(run)}
    if kind == "range":
        h1, m1, h2, m2 = (int(part) if part else 0 for part in match.groups())
        return {"RANGE": (h1, m1, h2, m2, match[2] is None and match[4] is None)}
    return _figures(kind, match)


def _figures(kind: str, match: re.Match[str]) -> Senses:
    if kind == "clock":
        hour, minute, second = (int(part) if part else 0 for part in match.groups())
        certain = hour == 0 or hour > 12 or match[1][0] == "0"
        return _time(hour, minute, second, "sure" if certain else "bare")
    if kind == "dotted":
        return {"DOTTED": (int(match[1]), int(match[2])), "DECIMAL": float(f"{match[1]}.{match[2]}")}
    if kind == "ymd":
        return {"DATE": Written(int(match[1]), int(match[2]), int(match[3]))}
    if kind == "slash":
        return {"DATE": _either(None, int(match[1]), int(match[2]))}
    first, second = int(match[1]), int(match[3])
    year = _year(match[4])
    return {"DATE": Written(year, second, first) if match[2] == "." else _either(year, first, second)}


def _either(year: int | None, first: int, second: int) -> Written:
    """24/12 and 12/24 have one reading; 5/6 has two, day first being the usual one."""
    if second > 12 >= first:
        return Written(year, first, second, shy=year is None)
    return Written(year, second, first, swap=first <= 12 and first != second, shy=year is None)
