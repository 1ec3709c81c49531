"""Words on cards and receipts: foreign text quoted and made harmless, times said in full."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

_MARKUP = re.compile(r"([\\`*_\[\]<&~|])")
_BLOCK_START = re.compile(r"^(\d*)([#>+.)=-])")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def plain(text: str, limit: int = 0) -> str:
    """`text` on one line without control, bidirectional or invisible characters, cut to `limit` characters (0: all)."""
    shown = "".join(c if c.isprintable() or c == "\u200d" else " " for c in unicodedata.normalize("NFC", text))
    shown = " ".join(shown.split())
    return shown if not limit or len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def escaped(text: str) -> str:
    """`text` with Markdown's signs escaped, so that it shows as it is and formats nothing."""
    return _MARKUP.sub(r"\\\1", text)


def quoted(text: str, limit: int = 120) -> str:
    """Somebody's words on a card: one line, escaped, in quotation marks that they can't close."""
    inner = plain(text, limit).replace("“", "‘").replace("”", "’")
    return f"“{escaped(inner)}”"


def block(text: str) -> str:
    """The whole of a text on a card, each line a quotation."""
    return "\n".join(f"> {line}".rstrip() for line in _exact(text))


def exact(text: str) -> str:
    """The whole of a text as a message: the same lines that `block` shows, formatting nothing."""
    return "\n".join(_exact(text))


def _exact(text: str) -> list[str]:
    return [_BLOCK_START.sub(r"\1\\\2", escaped(plain(line))) for line in text.split("\n")]


def day(moment: date) -> str:
    return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def clock(moment: datetime) -> str:
    return f"{moment:%H:%M}"


def moment(at: datetime) -> str:
    return f"{day(at)}, {clock(at)}"


def times(start: datetime, end: datetime, *, all_day: bool = False) -> str:
    """Like Fri 27 Nov 2026, 12:30–13:30, in the zone that the two have; all-day spans end the day before `end`."""
    if all_day:
        last = (end - timedelta(days=1)).date()
        return day(start) + ("" if last <= start.date() else f" – {day(last)}") + ", all day"
    if start.date() == end.date():
        return f"{moment(start)}–{clock(end)}"
    return f"{moment(start)} – {moment(end)}"


def local(iso: str, zone: str | ZoneInfo) -> datetime:
    """An ISO time of the arguments, in the zone it is shown in."""
    return datetime.fromisoformat(iso).astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)
