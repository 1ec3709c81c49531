"""An iCalendar file as text: cut into blocks, so that what Steward does not touch keeps every one of its bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from graphs.tools.base import ToolTrouble

EMPTY = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Steward//Steward//EN\r\nCALSCALE:GREGORIAN\r\nEND:VCALENDAR\r\n"
_NAME_AND_PARAMETERS = re.compile(r"^[^:;]+(?:;(?:\"[^\"]*\"|[^\":])*)?:")
_EDGE = re.compile(r"(BEGIN|END):([A-Za-z0-9-]+)[ \t]*\r?\n?$", re.I)


@dataclass(frozen=True, slots=True)
class Block:
    """A component directly under VCALENDAR (`name` VEVENT, VTIMEZONE, …), or the lines between them (`name` "")."""

    name: str
    text: str
    uid: str = ""


def cut(data: bytes, path: Path) -> list[Block]:
    """The file as blocks whose texts, joined, are the file. Raises ToolTrouble when it is not iCalendar."""
    text = data.decode("utf-8", "surrogateescape")
    if not re.match(r"\ufeff?\s*BEGIN:VCALENDAR\s*\n", text, re.I):
        raise ToolTrouble(
            f"{path.name} is not an iCalendar file, so I left it untouched. Move it away or choose another file."
        )
    blocks, lines, open_names = list[Block](), list[str](), list[str]()
    for line in re.findall(r"[^\n]*\n|[^\n]+$", text):
        edge = _EDGE.match(line.lstrip("\ufeff"))
        begins = edge is not None and edge[1].upper() == "BEGIN"
        if begins and len(open_names) == 1:
            _flush(blocks, lines, "")
        lines.append(line)
        if edge is None:
            continue
        if begins:
            open_names.append(edge[2].upper())
        elif not open_names or open_names.pop() != edge[2].upper():
            raise _damaged(path)
        elif len(open_names) == 1:
            _flush(blocks, lines, edge[2].upper())
    _flush(blocks, lines, "")
    if open_names:
        raise _damaged(path)
    return blocks


def _damaged(path: Path) -> ToolTrouble:
    return ToolTrouble(f"{path.name} is damaged (a BEGIN without its END), so I left it untouched. Repair it first.")


def _flush(blocks: list[Block], lines: list[str], name: str) -> None:
    if lines:
        text = "".join(lines)
        blocks.append(Block(name, text, value(text, "UID") if name == "VEVENT" else ""))
        lines.clear()


def joined(blocks: Iterable[Block]) -> bytes:
    return "".join(block.text for block in blocks).encode("utf-8", "surrogateescape")


def of_uid(blocks: Iterable[Block], uid: str) -> list[Block]:
    return [block for block in blocks if block.name == "VEVENT" and block.uid == uid]


def state_of(text: str) -> str:
    """A digest of all ICS text of a UID, "" for none: what was seen, so that a later change is noticed."""
    text = text.replace("\r\n", "\n")
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32] if text else ""


def replaced(blocks: list[Block], uid: str, text: str) -> list[Block]:
    """The blocks with all events of `uid` replaced by `text`, at the place of the first (or at the calendar's end)."""
    new = [] if not text else [Block("VEVENT", _with_newlines(text, blocks), uid)]
    at = next((n for n, block in enumerate(blocks) if block.name == "VEVENT" and block.uid == uid), None)
    if at is not None:
        kept = [block for block in blocks[at:] if not (block.name == "VEVENT" and block.uid == uid)]
        return [*blocks[:at], *new, *kept]
    last = max(n for n, block in enumerate(blocks) if re.search(r"^END:VCALENDAR", block.text, re.I | re.M))
    start = [m.start() for m in re.finditer(r"^END:VCALENDAR", blocks[last].text, re.I | re.M)][-1]
    before, after = blocks[last].text[:start], blocks[last].text[start:]
    return [*blocks[:last], Block("", before), *new, Block("", after), *blocks[last + 1 :]]


def _with_newlines(text: str, blocks: list[Block]) -> str:
    """`text` with the line ends that the file uses."""
    crlf = any("\r\n" in block.text for block in blocks)
    text = text.replace("\r\n", "\n")
    return text.replace("\n", "\r\n") if crlf else text


def value(event: str, name: str) -> str:
    """The raw value of the event's first own property `name` (not of an alarm inside), unfolded; "" when missing."""
    return _NAME_AND_PARAMETERS.sub("", line(event, name), count=1)


def line(event: str, name: str) -> str:
    """The whole line of that property, unfolded: name, parameters and value."""
    found = _property(name).search(_own(event))
    return re.sub(r"\r?\n[ \t]", "", found[0]).strip("\r\n") if found else ""


def has(event: str, *names: str) -> bool:
    return any(_property(name).search(_own(event)) for name in names)


def without(event: str, *names: str) -> str:
    """The event without its own properties of these names; alarms and the like inside keep theirs."""
    return _outside(event, lambda text: _drop(text, names))


@cache
def _property(name: str) -> re.Pattern[str]:
    return re.compile(rf"^{name}(?=[;:])[^\n]*(?:\n[ \t][^\n]*)*\n?", re.I | re.M)


def _drop(text: str, names: Iterable[str]) -> str:
    for name in names:
        text = _property(name).sub("", text)
    return text


def with_lines(event: str, *lines: str) -> str:
    """The event with these property lines right before its end (folded to 75 octets, as RFC 5545 wants)."""
    end = [m.start() for m in re.finditer(r"^END:VEVENT", event, re.I | re.M)][-1]
    return event[:end] + "".join(f"{folded(text)}\r\n" for text in lines) + event[end:]


def folded(text: str) -> str:
    pieces, piece = list[str](), ""
    for character in text:
        if len((piece + character).encode("utf-8", "surrogateescape")) > (75 if not pieces else 74):
            pieces.append(piece)
            piece = ""
        piece += character
    return "\r\n ".join([*pieces, piece])


def escaped(text: str) -> str:
    """A TEXT value (RFC 5545 §3.3.11)."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\r\n", "\n").replace("\n", "\\n")


def unescaped(text: str) -> str:
    """What a TEXT value says; backslashes that escape nothing stay."""
    return re.sub(r"\\([\\;,nN])", lambda found: "\n" if found[1] in "nN" else found[1], text)


_INNER = re.compile(r"^BEGIN:(?!VEVENT)([A-Za-z0-9-]+)[ \t]*\r?$.*?^END:\1[ \t]*\r?\n?", re.I | re.M | re.S)


def _own(event: str) -> str:
    return _INNER.sub("", event)


def _outside(event: str, change: Callable[[str], str]) -> str:
    parts, last = [], 0
    for inner in _INNER.finditer(event):
        parts += [change(event[last : inner.start()]), inner[0]]
        last = inner.end()
    return "".join([*parts, change(event[last:])])
