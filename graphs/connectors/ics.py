"""The calendar: one `.ics` file that other programs may change too; only the lines of the event in question change."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from graphs.connectors.base import locked, make_folder, read_bytes, write_file
from graphs.connectors.ics_read import occurrences
from graphs.connectors.ics_text import EMPTY, Block, cut, joined, of_uid, replaced, state_of
from graphs.connectors.ics_write import changed, dropped, new_event
from graphs.tools.base import ToolLater, ToolTrouble
from graphs.tools.values import Event

_CHANGED = (
    "That event was changed by another program since you approved, so I left it alone. Ask again to see it as it is."
)
_GONE = "That event is no longer in the calendar, so there was nothing to change."


MAX_EVENT = 60_000  # characters of one UID; above (pictures inside, …) an undo would have to carry too much


class IcsCalendar:
    """The calendar file at `path`, made on the first write. `wait_s` bounds waiting for another Steward."""

    def __init__(self, path: Path, zone: ZoneInfo, wait_s: float = 5.0) -> None:
        self._path = path
        self._zone = zone
        self._wait_s = wait_s

    def between(self, start: datetime, end: datetime) -> list[Event]:
        """What touches [start, end), in order; empty when there is no file yet."""
        return occurrences(self._blocks(), start, end, self._zone)

    def text(self, uid: str) -> str:
        """The ICS text of all that stands under `uid`, "" for nothing: the `before` of a write."""
        text = _text(of_uid(self._blocks(), uid)) if uid else ""
        if any("\ud800" <= character <= "\udfff" for character in text) or len(text) > MAX_EVENT:
            raise ToolTrouble(
                "That event is too large or oddly written for me to change safely; use your calendar program."
            )
        return text

    def create(self, event: Event, *, made: datetime, description: str) -> str:
        """The event in the file; returns the state of its UID. The same call again changes nothing."""
        return self._swap(event.uid, "", lambda _zones: new_event(event, made, description))

    def change(self, event: Event, *, before: str, made: datetime) -> str:
        """Title, place and time of the event (or of the one occurrence it names) as given; the rest stays."""
        events = self._events(before, event.uid)
        return self._swap(event.uid, before, lambda zones: changed(events, event, made, zones, self._zone))

    def delete(self, uid: str, recurrence: datetime | None, *, before: str) -> str:
        """The event out of the file, or the one occurrence out of its series."""
        events = self._events(before, uid)
        return self._swap(uid, before, lambda zones: dropped(events, recurrence, zones, self._zone))

    def restore(self, uid: str, *, before: str, state: str) -> str:
        """All that stood under `uid` as it was in `before` ("": nothing), if it is still in `state`."""
        return self._swap(uid, None, lambda _zones: before, state)

    def _swap(self, uid: str, before: str | None, after: Callable[[str], str], state: str = "") -> str:
        """Compare and set of a UID under the lock: `before` (or its digest `state`) is there, or the goal already."""
        _refuse_nameless(uid)
        path = self._path.resolve()
        expected = state if before is None else state_of(before)
        make_folder(path.parent)
        with locked(path, self._wait_s):
            seen = _stamp(path)
            blocks = cut(read_bytes(path) or EMPTY.encode(), path)
            now = state_of(_text(of_uid(blocks, uid)))
            text = after("".join(block.text for block in blocks if block.name == "VTIMEZONE"))
            goal = state_of(text)
            if now == goal or (now and before == ""):  # a new UID is made of the key: what stands there is our own
                return goal
            if now != expected:
                raise ToolTrouble(_CHANGED if now else _GONE)
            data = joined(replaced(blocks, uid, text))
            if _stamp(path) != seen:
                raise ToolLater(f"{path.name} is being changed by another program; I'll try again shortly.")
            write_file(path, data)
        return goal

    def _events(self, before: str, uid: str) -> list[Block]:
        _refuse_nameless(uid)
        wrapped = EMPTY.replace("END:VCALENDAR", f"{before}END:VCALENDAR")
        events = of_uid(cut(wrapped.encode("utf-8", "surrogateescape"), self._path), uid)
        if not events:
            raise ToolTrouble(_GONE)
        return events

    def _blocks(self) -> list[Block]:
        path = self._path.resolve()
        return cut(read_bytes(path) or EMPTY.encode(), path)


def _refuse_nameless(uid: str) -> None:
    if not uid:
        raise ToolTrouble("That event has no id in the calendar file, so I can't change it safely.")


def _text(events: list[Block]) -> str:
    return "".join(block.text for block in events)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
